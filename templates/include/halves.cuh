// Bytes as halves, exactly: the weights of products whose other operand is in f16. A loop that widens the same bytes again
// and again does so: halves that are kept beside it would take the registers that bytes save.
#pragma once

#include "convert.cuh"

namespace glass {

#if defined(GLASS_HOST)

// Eight i8, or f8e4m3, as eight f16.
template <class From>
GLASS_DEVICE Vec<u32, 4> bytes_to_halves(Vec<u32, 2> bytes, From) {
    const auto from = bit_cast<Vec<From, 8>>(bytes);
    Vec<f16, 8> to;
    for (int i = 0; i < 8; i++) to[i] = convert<f16>(convert<f32>(from[i]));
    return bit_cast<Vec<u32, 4>>(to);
}

#else

GLASS_DEVICE u32 not_kept(u32 word) {
    asm volatile("" : "+r"(word));
    return word;
}

// A byte behind 0x64 is a half of 1024 and more, whose units it has; with its sign bit turned over it is 128 more.
GLASS_DEVICE u32 halves_of(u32 word) {
    u32 two;
    asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(two) : "r"(word), "r"(0x64806480u));
    return two;
}

GLASS_DEVICE Vec<u32, 4> bytes_to_halves(Vec<u32, 2> bytes, i8) {
    Vec<u32, 4> words;
    GLASS_UNROLL
    for (int i = 0; i < 2; i++) {
        const u32 word = not_kept(bytes[i]) ^ 0x80808080u;
        words[2 * i] = halves_of(__byte_perm(word, 0x64646464u, 0x4140));
        words[2 * i + 1] = halves_of(__byte_perm(word, 0x64646464u, 0x4342));
    }
    return words;
}

#if __CUDA_ARCH__ >= 890

GLASS_DEVICE Vec<u32, 4> bytes_to_halves(Vec<u32, 2> bytes, f8e4m3) {
    Vec<u32, 4> words;
    GLASS_UNROLL
    for (int i = 0; i < 4; i++) {
        const u16 pair = u16(not_kept(bytes[i / 2]) >> i % 2 * 16);
        asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(words[i]) : "h"(pair));
    }
    return words;
}

#else

GLASS_DEVICE Vec<u32, 4> bytes_to_halves(Vec<u32, 2> bytes, f8e4m3) {
    const auto from = bit_cast<Vec<f8e4m3, 8>>(bytes);
    Vec<f16, 8> to;
    GLASS_UNROLL
    for (int i = 0; i < 8; i++) to[i] = convert<f16>(convert<f32>(from[i]));
    return bit_cast<Vec<u32, 4>>(to);
}

#endif
#endif

}  // namespace glass
