// Global memory: scalar and vector access, atomics, fences. Indices count elements of the buffer.
#pragma once

#include "launch.cuh"

namespace glass {

template <class T>
GLASS_DEVICE T load(Input<T> p, i64 i) {
    return p[i];
}

template <class T>
GLASS_DEVICE void store(Output<T> p, i64 i, T value) {
    p[i] = value;
}

#if defined(GLASS_HOST)

// The address of N elements that one access of BYTES moves; checked for bounds and alignment.
template <int BYTES, class T>
GLASS_DEVICE const T* vector_address(Input<T> p, i64 i, int elements, const char* access) {
    const T* address = p.at(i, elements, access);
    if (__builtin_expect(reinterpret_cast<u64>(address) % BYTES != 0, 0)) host::fail_alignment(p.index, i, BYTES);
    return address;
}

template <int N, class T>
GLASS_DEVICE Vec<T, N> load_vec(Input<T> p, i64 i) {
    static_assert(sizeof(T) * N <= 16, "one access moves 16 bytes at most");
    Vec<T, N> result;
    __builtin_memcpy(&result, vector_address<sizeof(T) * N>(p, i, N, "read"), sizeof(result));
    return result;
}

template <int N, class T>
GLASS_DEVICE void store_vec(Output<T> p, i64 i, Vec<T, N> value) {
    static_assert(sizeof(T) * N <= 16, "one access moves 16 bytes at most");
    const T* address = vector_address<sizeof(T) * N>(Input<T>(p), i, N, "write");
    __builtin_memcpy(const_cast<T*>(address), &value, sizeof(value));
}

// A vector in shared memory, of 16 bytes at most.
template <class Vector>
GLASS_DEVICE Vector load_shared(const void* place) {
    Vector result;
    __builtin_memcpy(&result, place, sizeof(result));
    return result;
}

template <class Vector>
GLASS_DEVICE void store_shared(void* place, Vector value) {
    __builtin_memcpy(place, &value, sizeof(value));
}

// Brings the line of an element to the L2 cache, without waiting for it.
template <class T>
GLASS_DEVICE void prefetch_l2(Input<T> p, i64 i) {
    (void)p[i];
}

template <class T>
GLASS_DEVICE T load_streaming(Input<T> p, i64 i) {
    return p[i];
}

template <int N, class T>
GLASS_DEVICE Vec<T, N> load_vec_streaming(Input<T> p, i64 i) {
    return load_vec<N>(p, i);
}

// Blocks run on several threads of the host, so atomics are real ones here too.
template <class Word, class T>
GLASS_DEVICE T atomic_add_float(T* address, T value) {
    Word* const word = reinterpret_cast<Word*>(address);
    Word old = __atomic_load_n(word, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(word, &old, bit_cast<Word>(bit_cast<T>(old) + value), true,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    return bit_cast<T>(old);
}

GLASS_DEVICE f32 atomic_add(Output<f32> p, i64 i, f32 value) { return atomic_add_float<u32>(&p[i], value); }
GLASS_DEVICE f64 atomic_add(Output<f64> p, i64 i, f64 value) { return atomic_add_float<u64>(&p[i], value); }
GLASS_DEVICE i32 atomic_add(Output<i32> p, i64 i, i32 value) {
    return __atomic_fetch_add(&p[i], value, __ATOMIC_ACQ_REL);
}
GLASS_DEVICE u32 atomic_add_u32(Output<u32> p, i64 i, u32 value) {
    return __atomic_fetch_add(&p[i], value, __ATOMIC_ACQ_REL);
}
// Adds to a number in shared memory; the fibers of a block run one at a time.
GLASS_DEVICE void shared_add(i32* p, i32 i, i32 value) { p[i] += value; }
GLASS_DEVICE void threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

#else

template <int BYTES>
struct Word;
template <>
struct Word<1> {
    using type = unsigned char;
};
template <>
struct Word<2> {
    using type = unsigned short;
};
template <>
struct Word<4> {
    using type = unsigned int;
};
template <>
struct Word<8> {
    using type = uint2;
};
template <>
struct Word<16> {
    using type = uint4;
};

template <class T, int N>
using WordOf = typename Word<sizeof(T) * N>::type;

template <int N, class T>
GLASS_DEVICE Vec<T, N> load_vec(const T* p, i64 i) {
    Vec<T, N> result;
    *reinterpret_cast<WordOf<T, N>*>(&result) = *reinterpret_cast<const WordOf<T, N>*>(p + i);
    return result;
}

template <int N, class T>
GLASS_DEVICE void store_vec(T* p, i64 i, Vec<T, N> value) {
    *reinterpret_cast<WordOf<T, N>*>(p + i) = *reinterpret_cast<const WordOf<T, N>*>(&value);
}

// A vector in shared memory, of 16 bytes at most, as a word: a compiler takes a Vec of bytes apart and puts it together
// again, at six instructions a byte.
template <class Vector>
GLASS_DEVICE Vector load_shared(const void* place) {
    using Whole = typename Word<sizeof(Vector)>::type;
    Vector result;
    *reinterpret_cast<Whole*>(&result) = *static_cast<const Whole*>(place);
    return result;
}

template <class Vector>
GLASS_DEVICE void store_shared(void* place, Vector value) {
    using Whole = typename Word<sizeof(Vector)>::type;
    *static_cast<Whole*>(place) = *reinterpret_cast<const Whole*>(&value);
}

// For data read once: evicted from the caches first.
template <int N, class T>
GLASS_DEVICE Vec<T, N> load_vec_streaming(const T* p, i64 i) {
    Vec<T, N> result;
    *reinterpret_cast<WordOf<T, N>*>(&result) = __ldcs(reinterpret_cast<const WordOf<T, N>*>(p + i));
    return result;
}

template <class T>
GLASS_DEVICE T load_streaming(const T* p, i64 i) {
    return load_vec_streaming<1>(p, i)[0];
}

template <class T>
GLASS_DEVICE void prefetch_l2(const T* p, i64 i) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(p + i)));
}

GLASS_DEVICE f32 atomic_add(f32* p, i64 i, f32 value) { return atomicAdd(p + i, value); }
GLASS_DEVICE f64 atomic_add(f64* p, i64 i, f64 value) { return atomicAdd(p + i, value); }
GLASS_DEVICE i32 atomic_add(i32* p, i64 i, i32 value) { return atomicAdd(p + i, value); }
GLASS_DEVICE u32 atomic_add_u32(u32* p, i64 i, u32 value) { return atomicAdd(p + i, value); }
GLASS_DEVICE void shared_add(i32* p, i32 i, i32 value) { atomicAdd(p + i, value); }
GLASS_DEVICE void threadfence() { __threadfence(); }

#endif

}  // namespace glass
