// Scalar names, storage-only floating-point formats and short vectors.
#pragma once

#if defined(GLASS_HOST)
#define GLASS_DEVICE __attribute__((always_inline)) inline
// Kernels may mark their own functions the way CUDA does.
#define __device__
#define __forceinline__ __attribute__((always_inline)) inline
// The C library without its headers, which would cost more than the kernel to compile.
#define GLASS_LIBC(name) __builtin_##name
#else
#define GLASS_DEVICE __device__ __forceinline__
#define GLASS_LIBC(name) ::name
#endif

namespace glass {

using i8 = signed char;
using u8 = unsigned char;
using i16 = short;
using u16 = unsigned short;
using i32 = int;
using u32 = unsigned int;
using i64 = long long;
using u64 = unsigned long long;
using f32 = float;
using f64 = double;

// Storage formats carry bits only: arithmetic is done in f32 after `convert`.
struct f16 {
    unsigned short bits;
};
struct bf16 {
    unsigned short bits;
};
struct f8e4m3 {  // finite values and NaN only, largest 448 (OCP E4M3)
    unsigned char bits;
};
struct f8e5m2 {  // like the upper byte of an f16
    unsigned char bits;
};
struct f8e4m3fnuz {  // finite values and one NaN, in the place of -0; largest 240
    unsigned char bits;
};
struct f8e5m2fnuz {  // the same, largest 57344
    unsigned char bits;
};
struct f8e8m0 {  // powers of two from 2^-127 to 2^127, and NaN (OCP microscaling)
    unsigned char bits;
};

// Formats of less than a byte have one of their own in memory, whose upper bits are written as 0 and never
// looked at. These floats have finite values only.
struct f6e2m3 {
    unsigned char bits;
};
struct f6e3m2 {
    unsigned char bits;
};
struct f4e2m1 {
    unsigned char bits;
};
struct i4 {
    unsigned char bits;
};
struct u4 {
    unsigned char bits;
};
struct i2 {
    unsigned char bits;
};
struct u2 {
    unsigned char bits;
};

// N elements that move as one word: aligned to their size, to 16 bytes at most.
template <class T, int N>
struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Vec {
    static_assert((N & (N - 1)) == 0, "a vector has a power of two of elements");
    T v[N];
    GLASS_DEVICE T& operator[](int i) { return v[i]; }
    GLASS_DEVICE const T& operator[](int i) const { return v[i]; }
};

template <class A, class B>
inline constexpr bool is_same = false;
template <class A>
inline constexpr bool is_same<A, A> = true;

template <class T, class... Others>
inline constexpr bool is_any_of = (is_same<T, Others> || ...);

template <class T>
inline constexpr bool is_storage_float =
    is_any_of<T, f16, bf16, f8e4m3, f8e5m2, f8e4m3fnuz, f8e5m2fnuz, f8e8m0, f6e2m3, f6e3m2, f4e2m1>;
template <class T>
inline constexpr bool is_small_integer = is_any_of<T, i4, u4, i2, u2>;
template <class T>
inline constexpr bool is_native_float = is_any_of<T, f32, f64>;
template <class T>
inline constexpr bool is_integer = is_any_of<T, i8, u8, i16, u16, i32, u32, i64, u64>;
template <class T>
inline constexpr bool is_signed_integer = is_any_of<T, i8, i16, i32, i64>;

template <class T>
inline constexpr T integer_max = is_signed_integer<T> ? T((u64(1) << (sizeof(T) * 8 - 1)) - 1) : T(~u64(0));
template <class T>
inline constexpr T integer_min = is_signed_integer<T> ? T(u64(1) << (sizeof(T) * 8 - 1)) : T(0);

// The same bits under another type of the same size.
template <class To, class From>
GLASS_DEVICE To bit_cast(From from) {
    static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
    To to;
    GLASS_LIBC(memcpy)(&to, &from, sizeof(To));
    return to;
}

}  // namespace glass
