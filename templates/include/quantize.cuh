// Numbers to 8 bits and back, several at a time: the GPU has instructions for pairs and quads.
#pragma once

#include "convert.cuh"
#include "launch.cuh"

namespace glass {

// The integer nearest x, halves to even; saturates, NaN gives 0. To is i8 or u8.
template <class To>
GLASS_DEVICE To nearest(f32 x) {
    static_assert(is_any_of<To, i8, u8>, "numbers are rounded to bytes");
#if defined(GLASS_HOST)
    return convert<To>(__builtin_rintf(x));
#else
    short rounded;
    if constexpr (is_same<To, i8>) asm("cvt.rni.sat.s8.f32 %0, %1;" : "=h"(rounded) : "f"(x));
    else asm("cvt.rni.sat.u8.f32 %0, %1;" : "=h"(rounded) : "f"(x));
    return To(rounded);
#endif
}

#if !defined(GLASS_HOST)

// Four bytes of a word, the first in the lowest place.
template <class To>
GLASS_DEVICE u32 nearest_quad(f32 x, f32 y, f32 z, f32 w) {
    int a, b, c, d;
    asm("cvt.rni.s32.f32 %0, %1;" : "=r"(a) : "f"(x));
    asm("cvt.rni.s32.f32 %0, %1;" : "=r"(b) : "f"(y));
    asm("cvt.rni.s32.f32 %0, %1;" : "=r"(c) : "f"(z));
    asm("cvt.rni.s32.f32 %0, %1;" : "=r"(d) : "f"(w));
    u32 upper, quad;
    if constexpr (is_same<To, i8>) {
        asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;" : "=r"(upper) : "r"(d), "r"(c), "r"(0));
        asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;" : "=r"(quad) : "r"(b), "r"(a), "r"(upper));
    } else {
        asm("cvt.pack.sat.u8.s32.b32 %0, %1, %2, %3;" : "=r"(upper) : "r"(d), "r"(c), "r"(0));
        asm("cvt.pack.sat.u8.s32.b32 %0, %1, %2, %3;" : "=r"(quad) : "r"(b), "r"(a), "r"(upper));
    }
    return quad;
}

// Byte AT of a word of i8 or u8, as a number: the low bits of a float between 2^23 and 2^24 are its
// units. Signed bytes come with their sign bit turned over, which adds 128.
template <class From, int AT>
GLASS_DEVICE f32 byte_of(u32 word) {
    const f32 shifted = bit_cast<f32>(__byte_perm(word, 0x4b000000u, 0x7440 | AT));
    return shifted - (is_same<From, i8> ? 8388736.0f : 8388608.0f);
}

template <class From>
GLASS_DEVICE void widen_quad(u32 word, f32* to) {
    if constexpr (is_same<From, i8>) word ^= 0x80808080u;
    to[0] = byte_of<From, 0>(word);
    to[1] = byte_of<From, 1>(word);
    to[2] = byte_of<From, 2>(word);
    to[3] = byte_of<From, 3>(word);
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890

template <class To>
GLASS_DEVICE u16 narrow_pair(f32 x, f32 y) {
    u16 pair;
    if constexpr (is_same<To, f8e4m3>) {
        asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(y), "f"(x));
    } else {
        asm("cvt.rn.satfinite.e5m2x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(y), "f"(x));
    }
    return pair;
}

#define GLASS_NARROW_PAIRS

#endif
#endif

// Every element's nearest integer.
template <class To, int N>
GLASS_DEVICE Vec<To, N> nearest_all(Vec<f32, N> x) {
#if !defined(GLASS_HOST)
    if constexpr (N % 4 == 0) {
        Vec<u32, N / 4> words;
        GLASS_UNROLL
        for (int i = 0; i < N; i += 4) words[i / 4] = nearest_quad<To>(x[i], x[i + 1], x[i + 2], x[i + 3]);
        return bit_cast<Vec<To, N>>(words);
    } else
#endif
    {
        Vec<To, N> result;
        GLASS_UNROLL
        for (int i = 0; i < N; i++) result[i] = nearest<To>(x[i]);
        return result;
    }
}

#if !defined(GLASS_HOST)

// All bits of every byte of a word as the highest one of it; `__byte_perm` has no such mode.
GLASS_DEVICE u32 signs_of_bytes(u32 word) {
    u32 signs;
    asm("prmt.b32 %0, %1, 0, 0xba98;" : "=r"(signs) : "r"(word));
    return signs;
}

#endif

// The same of what lies above zero; of all else zero.
template <class To, int N>
GLASS_DEVICE Vec<To, N> nearest_above_zero_all(Vec<f32, N> x) {
    static_assert(is_same<To, i8>, "numbers that saturate at zero are above it");
    Vec<To, N> result = nearest_all<To>(x);
#if !defined(GLASS_HOST)
    if constexpr (N % 4 == 0) {
        auto words = bit_cast<Vec<u32, N / 4>>(result);
        GLASS_UNROLL
        for (int i = 0; i < N / 4; i++) words[i] &= ~signs_of_bytes(words[i]);
        return bit_cast<Vec<To, N>>(words);
    } else
#endif
    {
        GLASS_UNROLL
        for (int i = 0; i < N; i++) result[i] = result[i] > 0 ? result[i] : To(0);
        return result;
    }
}

// Every element in another type: from bytes or an f8 to f32, or from f32 to an f8.
template <class To, class From, int N>
GLASS_DEVICE Vec<To, N> convert_all(Vec<From, N> x) {
    Vec<To, N> result;
#if !defined(GLASS_HOST)
    if constexpr (is_any_of<From, i8, u8> && N % 4 == 0) {
        const auto words = bit_cast<Vec<u32, N / 4>>(x);
        GLASS_UNROLL
        for (int i = 0; i < N; i += 4) widen_quad<From>(words[i / 4], &result[i]);
    } else
#endif
#if defined(GLASS_NARROW_PAIRS)
        if constexpr (is_any_of<To, f8e4m3, f8e5m2> && N % 2 == 0) {
        GLASS_UNROLL
        for (int i = 0; i < N; i += 2) {
            const u16 pair = narrow_pair<To>(x[i], x[i + 1]);
            result[i] = To{u8(pair)};
            result[i + 1] = To{u8(pair >> 8)};
        }
    } else
#endif
    {
        GLASS_UNROLL
        for (int i = 0; i < N; i++) result[i] = convert<To>(x[i]);
    }
    return result;
}

}  // namespace glass
