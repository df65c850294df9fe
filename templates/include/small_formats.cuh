// Formats of 8 bits and less, in software: on the host and on every GPU.
//
// Floats round to nearest even and saturate. NaN stays NaN; where there is none it becomes 0. Integers keep
// their low bits; a float is truncated to an i32 first.
#pragma once

#include "types.cuh"

namespace glass {

// Rounds to a format of MANTISSA bits and exponent bias BIAS whose largest finite value has the bits
// LARGEST; beyond it saturates. Returns the magnitude and the sign, shifted to SIGN.
template <int MANTISSA, int BIAS, u32 LARGEST, u32 QUIET, u32 SIGN>
GLASS_DEVICE u32 round_to_small(f32 x) {
    const u32 bits = bit_cast<u32>(x);
    const u32 sign = bits >> 31 ? SIGN : 0u;
    const u32 magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign | QUIET;
    constexpr u32 smallest_normal = u32(127 + 1 - BIAS) << 23;
    u32 rounded;
    if (magnitude < smallest_normal) {
        // Adding a power of two whose last bit is the format's smallest step lets the adder round.
        constexpr u32 step = u32(127 + 1 - BIAS - MANTISSA + 23) << 23;
        rounded = bit_cast<u32>(bit_cast<f32>(magnitude) + bit_cast<f32>(step)) - step;
    } else {
        constexpr int shift = 23 - MANTISSA;
        const u32 even = (magnitude >> shift) & 1u;
        rounded = ((magnitude + (1u << (shift - 1)) - 1u + even) >> shift) - (u32(127 - BIAS) << MANTISSA);
    }
    return sign | (rounded > LARGEST ? LARGEST : rounded);
}

GLASS_DEVICE f32 f8e4m3_to_f32(u8 bits) {
    const u32 magnitude = bits & 0x7fu;
    const u32 sign = u32(bits & 0x80u) << 24;
    if (magnitude == 0x7fu) return bit_cast<f32>(sign | 0x7fc00000u);
    const f32 value = bit_cast<f32>(magnitude << 20) * 0x1p120f;  // rebias; exact for subnormals too
    return bit_cast<f32>(bit_cast<u32>(value) | sign);
}

// A format of one sign bit with MANTISSA bits, the exponent bias BIAS and the largest magnitude LARGEST. With
// ONE_NAN the bits of -0 are its only NaN; without it has none.
template <int BITS, int MANTISSA, int BIAS, u32 LARGEST, bool ONE_NAN>
struct SmallFloat {
    static constexpr u32 sign = 1u << (BITS - 1);

    // Rebiasing by a product is exact for subnormals too.
    static GLASS_DEVICE f32 to_f32(u8 bits) {
        const u32 magnitude = bits & (sign - 1u);
        const u32 negative = bits & sign ? 0x80000000u : 0u;
        if (ONE_NAN && negative && magnitude == 0u) return bit_cast<f32>(0x7fc00000u);
        const f32 value = bit_cast<f32>(magnitude << (23 - MANTISSA)) * bit_cast<f32>(u32(254 - BIAS) << 23);
        return bit_cast<f32>(bit_cast<u32>(value) | negative);
    }

    static GLASS_DEVICE u8 from_f32(f32 x) {
        if (x != x) return u8(ONE_NAN ? sign : 0u);
        const u32 rounded = round_to_small<MANTISSA, BIAS, LARGEST, 0u, sign>(x);
        return u8(ONE_NAN && rounded == sign ? 0u : rounded);
    }
};

// 2 to the power of bits - 127, of which the least is subnormal in f32. From f32 away from zero; what is below
// the range, negative numbers too, becomes its least value.
struct PowerOfTwo {
    static GLASS_DEVICE f32 to_f32(u8 bits) {
        if (bits == 0xffu) return bit_cast<f32>(0x7fc00000u);
        return bit_cast<f32>(bits == 0u ? 0x00400000u : u32(bits) << 23);
    }

    static GLASS_DEVICE u8 from_f32(f32 x) {
        if (x != x) return u8(0xffu);
        const i64 raised = (bit_cast<i64>(f64(x)) + 0xfffffffffffffll) >> 52;
        const i64 power = raised - (1023 - 127);
        return u8(power < 0 ? 0 : power > 0xfe ? 0xfe : power);
    }
};

template <class T>
struct Format;
template <>
struct Format<f8e4m3fnuz> : SmallFloat<8, 3, 8, 0x7f, true> {};
template <>
struct Format<f8e5m2fnuz> : SmallFloat<8, 2, 16, 0x7f, true> {};
template <>
struct Format<f8e8m0> : PowerOfTwo {};
template <>
struct Format<f6e2m3> : SmallFloat<6, 3, 1, 0x1f, false> {};
template <>
struct Format<f6e3m2> : SmallFloat<6, 2, 3, 0x1f, false> {};
template <>
struct Format<f4e2m1> : SmallFloat<4, 1, 1, 0x7, false> {};

template <class From>
GLASS_DEVICE f32 small_to_f32(From x) {
    return Format<From>::to_f32(x.bits);
}

template <class To>
GLASS_DEVICE To f32_to_small(f32 x) {
    return To{Format<To>::from_f32(x)};
}

template <class T>
inline constexpr int small_bits = is_any_of<T, i4, u4> ? 4 : 2;

// Packed elements are unpacked by shifting theirs down to bit 0: the bits above are not looked at.
template <class From>
GLASS_DEVICE auto small_to_byte(From x) {
    constexpr int above = 8 - small_bits<From>;
    if constexpr (is_any_of<From, i4, i2>) return i8(i8(u8(x.bits << above)) >> above);
    else return u8(x.bits & (0xffu >> above));
}

template <class To>
GLASS_DEVICE To low_bits(i32 x) {
    return To{u8(u32(x) & ((1u << small_bits<To>) - 1u))};
}

}  // namespace glass
