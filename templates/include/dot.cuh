// Sums of four products of bytes, and the bytes of neighbouring elements side by side, as such sums take them.
#pragma once

#include "launch.cuh"

namespace glass {

// Bytes PLACES of the eight of (lower, upper), the first in the lowest place; a hexadecimal digit each.
template <u32 PLACES>
GLASS_DEVICE u32 picked(u32 lower, u32 upper) {
#if defined(GLASS_HOST)
    const u64 all = u64(upper) << 32 | lower;
    u32 word = 0;
    for (int i = 0; i < 4; i++) word |= u32(all >> (PLACES >> 4 * i & 7) * 8 & 0xff) << 8 * i;
    return word;
#else
    return __byte_perm(lower, upper, PLACES);
#endif
}

// sum + x.0 * y.0 + ... + x.3 * y.3, with the bytes of x of type X and those of y of type Y; wraps.
template <class X, class Y>
GLASS_DEVICE i32 dot_quads(u32 x, u32 y, i32 sum) {
    static_assert(is_any_of<X, i8, u8> && is_any_of<Y, i8, u8>, "four bytes are multiplied");
#if defined(GLASS_HOST)
    for (int i = 0; i < 4; i++) sum = i32(u32(sum) + u32(i32(X(x >> 8 * i)) * i32(Y(y >> 8 * i))));
#else
    if constexpr (is_same<X, i8> && is_same<Y, i8>) asm("dp4a.s32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(x), "r"(y));
    else if constexpr (is_same<X, i8>) asm("dp4a.s32.u32 %0, %1, %2, %0;" : "+r"(sum) : "r"(x), "r"(y));
    else if constexpr (is_same<Y, i8>) asm("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(x), "r"(y));
    else asm("dp4a.u32.u32 %0, %1, %2, %0;" : "+r"(sum) : "r"(x), "r"(y));
#endif
    return sum;
}

// The bytes of two vectors in turn, two of each in a word: x.0 y.0 x.1 y.1 and so on.
template <class T, int N>
GLASS_DEVICE Vec<u32, N / 2> zipped(Vec<T, N> x, Vec<T, N> y) {
    static_assert(sizeof(T) == 1 && N % 4 == 0, "whole words of bytes");
    const auto left = bit_cast<Vec<u32, N / 4>>(x), right = bit_cast<Vec<u32, N / 4>>(y);
    Vec<u32, N / 2> pairs;
    GLASS_UNROLL
    for (int i = 0; i < N / 4; i++) {
        pairs[2 * i] = picked<0x5140>(left[i], right[i]);
        pairs[2 * i + 1] = picked<0x7362>(left[i], right[i]);
    }
    return pairs;
}

// Of four vectors, the bytes at every place in a word; X and Y are the first two and the last two, `zipped`.
template <int N>
GLASS_DEVICE Vec<u32, 2 * N> transposed(Vec<u32, N> x, Vec<u32, N> y) {
    Vec<u32, 2 * N> quads;
    GLASS_UNROLL
    for (int i = 0; i < N; i++) {
        quads[2 * i] = picked<0x5410>(x[i], y[i]);
        quads[2 * i + 1] = picked<0x7632>(x[i], y[i]);
    }
    return quads;
}

}  // namespace glass
