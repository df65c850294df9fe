// Larger and smaller elements of vectors: the GPU compares the halves of a word at once.
#pragma once

#include "convert.cuh"
#include "launch.cuh"
#include "math.cuh"
#include "math_integer.cuh"
#include "memory.cuh"

namespace glass {

// N elements as the words that they fill, which a compiler does not take apart as it does a Vec of bytes.
template <class T, int N>
struct Packed {
    static_assert(sizeof(T) * N % 4 == 0 && sizeof(T) * N <= 16, "whole words, and one access");
    static constexpr int WORDS = sizeof(T) * N / 4;
    Vec<u32, WORDS> words;
};

// N times the same element.
template <int N, class T>
GLASS_DEVICE Packed<T, N> filled(T value) {
    Vec<T, 4 / sizeof(T)> word;
    GLASS_UNROLL
    for (int i = 0; i < int(4 / sizeof(T)); i++) word[i] = value;
    Packed<T, N> result;
    GLASS_UNROLL
    for (int i = 0; i < Packed<T, N>::WORDS; i++) result.words[i] = bit_cast<u32>(word);
    return result;
}

template <int N, class T>
GLASS_DEVICE Packed<T, N> load_packed(Input<T> p, i64 i) {
#if defined(GLASS_HOST)
    return {bit_cast<Vec<u32, Packed<T, N>::WORDS>>(load_vec<N>(p, i))};
#else
    Packed<T, N> result;
    *reinterpret_cast<WordOf<T, N>*>(&result) = *reinterpret_cast<const WordOf<T, N>*>(p + i);
    return result;
#endif
}

template <class T, int N>
GLASS_DEVICE Vec<T, N> unpacked(Packed<T, N> x) {
    return bit_cast<Vec<T, N>>(x.words);
}

#if defined(GLASS_HOST)

// As m_max and m_min, for formats that only carry bits too.
template <bool LARGER, class T>
GLASS_DEVICE T extreme(T x, T y) {
    if constexpr (is_storage_float<T>) return convert<T>(extreme<LARGER>(convert<f32>(x), convert<f32>(y)));
    else if constexpr (LARGER) return m_max(x, y);
    else return m_min(x, y);
}

#else

// The larger or smaller halves of two words, by instructions that are named by what a half is.
#define GLASS_HALVES(T, maximum, minimum)                                                  \
    template <bool LARGER>                                                                 \
    GLASS_DEVICE u32 extreme_halves(u32 x, u32 y, T) {                                     \
        u32 result;                                                                        \
        if constexpr (LARGER) asm(maximum " %0, %1, %2;" : "=r"(result) : "r"(x), "r"(y)); \
        else asm(minimum " %0, %1, %2;" : "=r"(result) : "r"(x), "r"(y));                  \
        return result;                                                                     \
    }

GLASS_HALVES(f16, "max.NaN.f16x2", "min.NaN.f16x2")
GLASS_HALVES(bf16, "max.NaN.bf16x2", "min.NaN.bf16x2")

#if __CUDA_ARCH__ >= 900

GLASS_HALVES(i8, "max.s16x2", "min.s16x2")  // of bytes, each in the upper place
GLASS_HALVES(u8, "max.u16x2", "min.u16x2")

// The upper byte of a half decides, whatever is below it; so the lower bytes are compared one place up.
template <bool LARGER, class T>
GLASS_DEVICE u32 extreme_bytes(u32 x, u32 y, T kind) {
    const u32 upper = extreme_halves<LARGER>(x, y, kind);
    const u32 lower = extreme_halves<LARGER>(x << 8, y << 8, kind);
    return __byte_perm(lower, upper, 0x7351);
}

#else

template <bool LARGER>
GLASS_DEVICE u32 extreme_bytes(u32 x, u32 y, i8) {
    return LARGER ? __vmaxs4(x, y) : __vmins4(x, y);
}
template <bool LARGER>
GLASS_DEVICE u32 extreme_bytes(u32 x, u32 y, u8) {
    return LARGER ? __vmaxu4(x, y) : __vminu4(x, y);
}

#endif
#undef GLASS_HALVES
#endif

// Element by element the larger one (the smaller one unless LARGER); NaN goes in and comes out.
template <bool LARGER, class T, int N>
GLASS_DEVICE Packed<T, N> extreme_all(Packed<T, N> x, Packed<T, N> y) {
#if defined(GLASS_HOST)
    auto elements = unpacked(x);
    const auto others = unpacked(y);
    for (int i = 0; i < N; i++) elements[i] = extreme<LARGER>(elements[i], others[i]);
    return {bit_cast<Vec<u32, Packed<T, N>::WORDS>>(elements)};
#else
    GLASS_UNROLL
    for (int i = 0; i < Packed<T, N>::WORDS; i++) {
        if constexpr (sizeof(T) == 1) x.words[i] = extreme_bytes<LARGER>(x.words[i], y.words[i], T{});
        else x.words[i] = extreme_halves<LARGER>(x.words[i], y.words[i], T{});
    }
    return x;
#endif
}

template <class T, int N>
GLASS_DEVICE Packed<T, N> max_all(Packed<T, N> x, Packed<T, N> y) {
    return extreme_all<true>(x, y);
}
template <class T, int N>
GLASS_DEVICE Packed<T, N> min_all(Packed<T, N> x, Packed<T, N> y) {
    return extreme_all<false>(x, y);
}

// `sum`, which begins with 0, stays 0 until a half of a word is not finite: zero times it is NaN.
#if defined(GLASS_HOST)
template <class T>
GLASS_DEVICE u32 spoiled(u32 sum, u32 word, T) {
    const auto halves = bit_cast<Vec<T, 2>>(word);
    for (int i = 0; i < 2; i++) {
        const f32 product = convert<f32>(halves[i]) * 0;
        if (product != product) sum = 0x7fff7fffu;
    }
    return sum;
}
#else
GLASS_DEVICE u32 spoiled(u32 sum, u32 word, f16) {
    asm("fma.rn.f16x2 %0, %1, %2, %0;" : "+r"(sum) : "r"(word), "r"(0));
    return sum;
}
GLASS_DEVICE u32 spoiled(u32 sum, u32 word, bf16) {
    asm("fma.rn.bf16x2 %0, %1, %2, %0;" : "+r"(sum) : "r"(word), "r"(0));
    return sum;
}
#endif

}  // namespace glass
