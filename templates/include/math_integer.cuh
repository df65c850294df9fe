// The integer overloads of the m_ functions: overflow wraps, division by zero gives 0.
#pragma once

#include "types.cuh"

namespace glass {

template <bool CONDITION>
struct OnlyIf {};
template <>
struct OnlyIf<true> {
    using type = int;
};
// The overload exists for integer types alone.
#define GLASS_INTEGER class T, typename OnlyIf<is_integer<T>>::type = 0

// In u64, where overflow is defined, and back.
template <GLASS_INTEGER>
GLASS_DEVICE T m_add(T x, T y) {
    return T(u64(x) + u64(y));
}
// -x, wrapping. On the GPU never as neg.s32: the assembler of CUDA 13.0 takes a running maximum of such
// numbers over the lanes of a warp for one of absolute values (sm_90a; that of 13.5 does not).
template <class T>
GLASS_DEVICE T negated(T x) {
#if !defined(GLASS_HOST)
    if (sizeof(T) <= sizeof(u32)) {
        u32 y;
        asm("{\n.reg .b32 inverted;\nnot.b32 inverted, %1;\nadd.s32 %0, inverted, 1;\n}" : "=r"(y) : "r"(u32(x)));
        return T(y);
    }
#endif
    return T(u64(0) - u64(x));
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_sub(T x, T y) {
    return T(u64(x) + u64(negated(y)));
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_mul(T x, T y) {
    return T(u64(x) * u64(y));
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_neg(T x) {
    return negated(x);
}
// Unsigned types are apart because some compilers warn of a comparison that is always false.
template <class T>
GLASS_DEVICE bool is_negative(T x) {
    if constexpr (is_signed_integer<T>) return x < T(0);
    else return false;
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_abs(T x) {
    return is_negative(x) ? m_neg(x) : x;
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_sign(T x) {
    return T(x > T(0)) - T(is_negative(x));
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_max(T x, T y) {
    return x > y ? x : y;
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_min(T x, T y) {
    return x < y ? x : y;
}
GLASS_DEVICE bool m_max(bool x, bool y) { return x || y; }
GLASS_DEVICE bool m_min(bool x, bool y) { return x && y; }

// -1 is apart because the smallest integer divided by it has no quotient and faults on the host.
template <class T>
GLASS_DEVICE bool is_minus_one(T y) {
    return is_signed_integer<T> && y == T(-1);
}

// Truncates toward zero (ONNX Div).
template <GLASS_INTEGER>
GLASS_DEVICE T m_div(T x, T y) {
    if (y == T(0)) return T(0);
    return is_minus_one(y) ? m_neg(x) : T(x / y);
}
// The sign of x, as C (ONNX Mod with fmod = 1).
template <GLASS_INTEGER>
GLASS_DEVICE T m_fmod(T x, T y) {
    return y == T(0) || is_minus_one(y) ? T(0) : T(x % y);
}
// The sign of y, as Python (ONNX Mod with fmod = 0).
template <GLASS_INTEGER>
GLASS_DEVICE T m_mod(T x, T y) {
    const T remainder = m_fmod(x, y);
    return remainder != T(0) && is_negative(remainder) != is_negative(y) ? T(remainder + y) : remainder;
}
// Toward minus infinity, for index arithmetic.
template <GLASS_INTEGER>
GLASS_DEVICE T m_floor_div(T x, T y) {
    const T quotient = m_div(x, y);
    return m_fmod(x, y) != T(0) && is_negative(x) != is_negative(y) ? T(quotient - 1) : quotient;
}

// By squaring, wrapping; a negative exponent truncates the true value toward zero.
template <GLASS_INTEGER>
GLASS_DEVICE T m_pow(T x, T y) {
    if (is_negative(y)) {
        if (x == T(1)) return T(1);
        return is_minus_one(x) ? T(y % 2 == 0 ? 1 : -1) : T(0);
    }
    u64 power = 1, base = u64(x);
    for (u64 exponent = u64(y); exponent != 0; exponent >>= 1) {
        if (exponent & 1) power *= base;
        base *= base;
    }
    return T(power);
}

// A shift by less than 0, or by the type's width or more, leaves only what is shifted in: 0, or to the
// right of a negative number its sign (ONNX BitShift).
template <GLASS_INTEGER>
GLASS_DEVICE T m_shl(T x, T y) {
    return u64(y) < sizeof(T) * 8 ? T(u64(x) << u64(y)) : T(0);
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_shr(T x, T y) {
    return u64(y) < sizeof(T) * 8 ? T(x >> y) : T(is_negative(x) ? -1 : 0);
}

template <GLASS_INTEGER>
GLASS_DEVICE T m_bitnot(T x) {
    return T(~x);
}

// Rounding functions leave integers as they are.
template <GLASS_INTEGER>
GLASS_DEVICE T m_floor(T x) {
    return x;
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_ceil(T x) {
    return x;
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_round(T x) {
    return x;
}
template <GLASS_INTEGER>
GLASS_DEVICE T m_trunc(T x) {
    return x;
}

#undef GLASS_INTEGER

}  // namespace glass
