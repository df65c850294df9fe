// Scalar functions in f32 and f64, named as in the expression language with the prefix m_.
//
// NaN goes in and comes out, min and max included (numpy's minimum and maximum); -0 keeps its sign
// where IEEE 754 says so. Integer overloads are in math_integer.cuh.
#pragma once

#include "types.cuh"

#define GLASS_MATH_1(name, libm)                                           \
    GLASS_DEVICE f32 m_##name(f32 x) { return GLASS_LIBC(libm##f)(x); }    \
    GLASS_DEVICE f64 m_##name(f64 x) { return GLASS_LIBC(libm)(x); }

#define GLASS_MATH_2(name, libm)                                                        \
    GLASS_DEVICE f32 m_##name(f32 x, f32 y) { return GLASS_LIBC(libm##f)(x, y); }       \
    GLASS_DEVICE f64 m_##name(f64 x, f64 y) { return GLASS_LIBC(libm)(x, y); }

namespace glass {

GLASS_MATH_1(exp, exp)
GLASS_MATH_1(exp2, exp2)
GLASS_MATH_1(expm1, expm1)
GLASS_MATH_1(log, log)
GLASS_MATH_1(log2, log2)
GLASS_MATH_1(log1p, log1p)
GLASS_MATH_1(sqrt, sqrt)
GLASS_MATH_1(sin, sin)
GLASS_MATH_1(cos, cos)
GLASS_MATH_1(tan, tan)
GLASS_MATH_1(asin, asin)
GLASS_MATH_1(acos, acos)
GLASS_MATH_1(atan, atan)
GLASS_MATH_1(sinh, sinh)
GLASS_MATH_1(cosh, cosh)
GLASS_MATH_1(tanh, tanh)
GLASS_MATH_1(asinh, asinh)
GLASS_MATH_1(acosh, acosh)
GLASS_MATH_1(atanh, atanh)
GLASS_MATH_1(erf, erf)
GLASS_MATH_1(floor, floor)
GLASS_MATH_1(ceil, ceil)
GLASS_MATH_1(trunc, trunc)
GLASS_MATH_1(round, rint)  // halves to even
GLASS_MATH_1(abs, fabs)
GLASS_MATH_2(pow, pow)
GLASS_MATH_2(fmod, fmod)  // the sign of x, as C
GLASS_MATH_2(atan2, atan2)

#undef GLASS_MATH_1
#undef GLASS_MATH_2

// x * y + z. The GPU rounds once; the host twice, so that it computes the same bits on every machine
// and needs no library call where the processor lacks the instruction.
#if defined(GLASS_HOST)
GLASS_DEVICE f32 m_fma(f32 x, f32 y, f32 z) { return x * y + z; }
GLASS_DEVICE f64 m_fma(f64 x, f64 y, f64 z) { return x * y + z; }
#else
GLASS_DEVICE f32 m_fma(f32 x, f32 y, f32 z) { return ::fmaf(x, y, z); }
GLASS_DEVICE f64 m_fma(f64 x, f64 y, f64 z) { return ::fma(x, y, z); }
#endif

GLASS_DEVICE f32 m_rsqrt(f32 x) {
#if defined(GLASS_HOST)
    return f32(1.0 / __builtin_sqrt(f64(x)));
#else
    return ::rsqrtf(x);
#endif
}
GLASS_DEVICE f64 m_rsqrt(f64 x) { return 1.0 / m_sqrt(x); }

template <class T>
GLASS_DEVICE bool m_isnan(T x) {
    return x != x;
}
GLASS_DEVICE bool m_isposinf(f32 x) { return bit_cast<u32>(x) == 0x7f800000u; }
GLASS_DEVICE bool m_isposinf(f64 x) { return bit_cast<u64>(x) == u64(0x7ff) << 52; }
GLASS_DEVICE bool m_isneginf(f32 x) { return bit_cast<u32>(x) == 0xff800000u; }
GLASS_DEVICE bool m_isneginf(f64 x) { return bit_cast<u64>(x) == u64(0xfff) << 52; }
GLASS_DEVICE bool m_isinf(f32 x) { return m_isposinf(x) || m_isneginf(x); }
GLASS_DEVICE bool m_isinf(f64 x) { return m_isposinf(x) || m_isneginf(x); }
GLASS_DEVICE bool m_sign_bit(f32 x) { return bit_cast<u32>(x) >> 31 != 0; }
GLASS_DEVICE bool m_sign_bit(f64 x) { return bit_cast<u64>(x) >> 63 != 0; }

// A template, so that f32 never widens silently; of two zeros the positive one is the larger.
template <class T>
GLASS_DEVICE T larger_float(T x, T y) {
    if (x == y) return m_sign_bit(x) ? y : x;
    return x > y || x != x ? x : y;
}
template <class T>
GLASS_DEVICE T smaller_float(T x, T y) {
    if (x == y) return m_sign_bit(x) ? x : y;
    return x < y || x != x ? x : y;
}

GLASS_DEVICE f32 m_max(f32 x, f32 y) {
#if defined(GLASS_HOST)
    return larger_float(x, y);
#else
    f32 result;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(y));
    return result;
#endif
}
GLASS_DEVICE f32 m_min(f32 x, f32 y) {
#if defined(GLASS_HOST)
    return smaller_float(x, y);
#else
    f32 result;
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(y));
    return result;
#endif
}
GLASS_DEVICE f64 m_max(f64 x, f64 y) { return larger_float(x, y); }
GLASS_DEVICE f64 m_min(f64 x, f64 y) { return smaller_float(x, y); }

// -1, 0 or 1, the zero being +0 as in numpy; NaN stays NaN.
template <class T>
GLASS_DEVICE T sign_of_float(T x) {
    if (x == T(0)) return T(0);
    return x > T(0) ? T(1) : x < T(0) ? T(-1) : x;
}
GLASS_DEVICE f32 m_sign(f32 x) { return sign_of_float(x); }
GLASS_DEVICE f64 m_sign(f64 x) { return sign_of_float(x); }

// x / y for y from 1 to 2, and x at most 1: by the reciprocal of y to 1 ulp and two corrections, without the
// branch for numbers of any size that takes most of the code of a division, and of the time to compile it.
GLASS_DEVICE f32 divide_by_one_to_two(f32 x, f32 y) {
#if defined(GLASS_HOST)
    return x / y;
#else
    f32 reciprocal;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(reciprocal) : "f"(y));
    reciprocal = m_fma(m_fma(-y, reciprocal, 1.0f), reciprocal, reciprocal);
    const f32 quotient = x * reciprocal;
    return m_fma(m_fma(-y, quotient, x), reciprocal, quotient);
#endif
}
GLASS_DEVICE f64 divide_by_one_to_two(f64 x, f64 y) { return x / y; }

// x / y where it is only rounded to 8 bits, an integer or a float: high + low is 1 / y, of which the compiler has
// proved that it rounds alike.
GLASS_DEVICE f32 quotient_to_round(f32 x, f32 y, f32 high, f32 low) {
#if defined(GLASS_HOST)
    (void)high, (void)low;
    return x / y;
#else
    (void)y;
    return m_fma(x, high, x * low);
#endif
}

// The exponential of -|x| never overflows, so both tails keep their relative accuracy.
template <class T>
GLASS_DEVICE T logistic(T x) {
    const T e = m_exp(-m_abs(x));
    return divide_by_one_to_two(x < T(0) ? e : T(1), T(1) + e);
}
GLASS_DEVICE f32 m_sigmoid(f32 x) { return logistic(x); }
GLASS_DEVICE f64 m_sigmoid(f64 x) { return logistic(x); }

template <class T>
GLASS_DEVICE T log_of_one_plus_exp(T x) {
    return m_max(x, T(0)) + m_log1p(m_exp(-m_abs(x)));
}
GLASS_DEVICE f32 m_softplus(f32 x) { return log_of_one_plus_exp(x); }
GLASS_DEVICE f64 m_softplus(f64 x) { return log_of_one_plus_exp(x); }

// The remainder with the divisor's sign (Python's %, ONNX Mod with fmod = 0); NaN for y = 0.
template <class T>
GLASS_DEVICE T floored_remainder(T x, T y) {
    const T remainder = m_fmod(x, y);
    if (remainder == T(0)) return m_sign_bit(y) ? -m_abs(remainder) : m_abs(remainder);
    return (remainder < T(0)) != (y < T(0)) ? remainder + y : remainder;
}
GLASS_DEVICE f32 m_mod(f32 x, f32 y) { return floored_remainder(x, y); }
GLASS_DEVICE f64 m_mod(f64 x, f64 y) { return floored_remainder(x, y); }

GLASS_DEVICE f32 m_add(f32 x, f32 y) { return x + y; }
GLASS_DEVICE f64 m_add(f64 x, f64 y) { return x + y; }
GLASS_DEVICE f32 m_sub(f32 x, f32 y) { return x - y; }
GLASS_DEVICE f64 m_sub(f64 x, f64 y) { return x - y; }
GLASS_DEVICE f32 m_mul(f32 x, f32 y) { return x * y; }
GLASS_DEVICE f64 m_mul(f64 x, f64 y) { return x * y; }
GLASS_DEVICE f32 m_div(f32 x, f32 y) { return x / y; }
GLASS_DEVICE f64 m_div(f64 x, f64 y) { return x / y; }
GLASS_DEVICE f32 m_neg(f32 x) { return -x; }
GLASS_DEVICE f64 m_neg(f64 x) { return -x; }
GLASS_DEVICE f32 m_reciprocal(f32 x) { return 1.0f / x; }
GLASS_DEVICE f64 m_reciprocal(f64 x) { return 1.0 / x; }

}  // namespace glass
