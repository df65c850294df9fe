// Arithmetic whose results are rounded to f16: in f16 itself where that gives the same bits, and shorter than in
// math.cuh where that is exact enough.
#pragma once

#include "fast.cuh"

namespace glass {

// 1 / (1 + 2^x), to 4 units in the last place; 0 where 2^x is beyond f32.
GLASS_DEVICE f32 logistic_fast(f32 x) {
#if defined(GLASS_HOST)
    return 1.0f / (1.0f + exp2_fast(x));
#else
    f32 y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(1.0f + exp2_fast(x)));
    return y;
#endif
}

// The logistic function, for results that are rounded to f16: to a relative error of (|x| + 9) / 2^24, which is
// a 200th of a unit in the last place of every result that f16 can tell from zero. Below x = -87 it is 0.
GLASS_DEVICE f32 m_short_sigmoid(f32 x) { return logistic_fast(x * -0x1.715476p+0f); }

// 1 where x > 0, else 0, for NaN too; a part of 1 below 2^-127.
GLASS_DEVICE f32 step_fast(f32 x) {
#if defined(GLASS_HOST)
    return x > 0.0f ? m_min(x * 0x1p+127f, 1.0f) : 0.0f;
#else
    f32 y;
    asm("mul.sat.f32 %0, %1, 0f7F000000;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// x * Phi(x), with the standard normal distribution function Phi, for results that are rounded to f16: to a 20th of a
// unit in the last place of f16. (1 + erf) / 2 in f32 cancels for negative x; log2(Phi(-|x|)) is smooth, and a polynomial
// in |x|, fitted with the weights of Lawson's method up to |x| = 5.9. Beyond, the result is x, or less than half of the
// least f16; from 15 on the power is 0, as Phi of minus infinity is. One power and no reciprocal: each instruction
// takes its time from the tensor cores.
GLASS_DEVICE f32 m_short_gelu(f32 x) {
    const f32 size = m_min(m_abs(x), 15.0f);
    f32 power = 0x1.ae5fc4p-16f;
    power = m_fma(power, size, -0x1.5afab2p-11f);
    power = m_fma(power, size, 0x1.ed5fc8p-8f);
    power = m_fma(power, size, -0x1.ab23d8p-5f);
    power = m_fma(power, size, -0x1.d71cfep-2f);
    power = m_fma(power, size, -0x1.26954ap+0f);
    power = m_fma(power, size, -0x1.0001d8p+0f);
    return x * m_abs(step_fast(x) - exp2_fast(power));
}

// tanh, for the same results: to a relative error of 2^-17. Near zero, where the logistic function is too near to a
// half, by the first terms of its series.
GLASS_DEVICE f32 m_short_tanh(f32 x) {
#if defined(GLASS_HOST)
    return m_tanh(x);
#else
    const f32 square = x * x;
    const f32 near = x * m_fma(square, m_fma(square, 0x1.111112p-3f, -0x1.555556p-2f), 1.0f);
    return m_abs(x) < 0.125f ? near : m_fma(2.0f, m_short_sigmoid(2.0f * x), -1.0f);
#endif
}

GLASS_DEVICE f32 reciprocal_fast(f32 x) {
#if defined(GLASS_HOST)
    return 1.0f / x;
#else
    f32 y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// 2^x, at most 2^40, so that products of three such numbers are f32.
GLASS_DEVICE f32 bounded_power(f32 x) { return exp2_fast(m_min(x, 40.0f)); }

// tanh(x) * (1 + y), with y = exp(-2 x), to a relative error of 2^-17.
GLASS_DEVICE f32 tanh_over(f32 x, f32 y) {
    const f32 square = x * x;
    const f32 near = x * m_fma(square, m_fma(square, 0x1.111112p-3f, -0x1.555556p-2f), 1.0f);
    return m_abs(x) < 0.125f ? m_fma(near, y, near) : 1.0f - y;
}

// What the cells of an LSTM compute, with a reciprocal each: the units of a multiprocessor for these and for powers are
// fewer than cells need. Logistic functions below 2^-40 are that; else the errors are those of the functions above.

// logistic(kept) * memory + logistic(admitted) * tanh(fresh).
GLASS_DEVICE f32 m_short_memory(f32 kept, f32 memory, f32 admitted, f32 fresh) {
    const f32 a = bounded_power(admitted * -0x1.715476p+0f), k = bounded_power(kept * -0x1.715476p+0f);
    const f32 t = bounded_power(fresh * -0x1.715476p+1f);
    const f32 both = (1.0f + a) * (1.0f + t);
    return m_fma(memory, both, tanh_over(fresh, t) * (1.0f + k)) * reciprocal_fast(both * (1.0f + k));
}

// logistic(gate) * tanh(x).
GLASS_DEVICE f32 m_short_gated_tanh(f32 gate, f32 x) {
    const f32 g = bounded_power(gate * -0x1.715476p+0f), t = bounded_power(x * -0x1.715476p+1f);
    return tanh_over(x, t) * reciprocal_fast((1.0f + g) * (1.0f + t));
}

// Element by element x + y, x - y and x * y, rounded once. The GPU computes two in a word.
#if defined(GLASS_HOST)
#define GLASS_F16_ALL(name, sign)                                                                         \
    template <int N>                                                                                      \
    GLASS_DEVICE Vec<f16, N> name##_all(Vec<f16, N> x, Vec<f16, N> y) {                                   \
        for (int i = 0; i < N; i++) x[i] = convert<f16>(convert<f32>(x[i]) sign convert<f32>(y[i]));      \
        return x;                                                                                         \
    }
#else
#define GLASS_F16_ALL(name, sign)                                                                         \
    template <int N>                                                                                      \
    GLASS_DEVICE Vec<f16, N> name##_all(Vec<f16, N> x, Vec<f16, N> y) {                                   \
        static_assert(N % 2 == 0, "whole words");                                                         \
        auto words = bit_cast<Vec<u32, N / 2>>(x);                                                        \
        const auto others = bit_cast<Vec<u32, N / 2>>(y);                                                 \
        GLASS_UNROLL                                                                                      \
        for (int i = 0; i < N / 2; i++) {                                                                 \
            asm(#name ".rn.f16x2 %0, %1, %2;" : "=r"(words[i]) : "r"(words[i]), "r"(others[i]));          \
        }                                                                                                 \
        return bit_cast<Vec<f16, N>>(words);                                                              \
    }
#endif

GLASS_F16_ALL(add, +)
GLASS_F16_ALL(sub, -)
GLASS_F16_ALL(mul, *)

#undef GLASS_F16_ALL

}  // namespace glass
