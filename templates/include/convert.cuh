// convert<To>(x) between every pair of scalar types.
//
// Rounding is to nearest even; float to integer truncates, saturates and sends NaN to 0; integer to
// integer wraps as C does; anything to bool is x != 0. f8 formats saturate (ONNX Cast, saturate=1). What has
// less than a byte is converted as `small_formats.cuh` says.
#pragma once

#include "small_formats.cuh"

namespace glass {

// ---- In software: the host's only way, and the GPU's for f8 below sm_89. -----------------------

#if defined(GLASS_HOST)

GLASS_DEVICE f32 f16_to_f32(u16 bits) {
    const u32 magnitude = u32(bits & 0x7fffu) << 13;
    const u32 special = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
    const u32 value = bit_cast<u32>(bit_cast<f32>(magnitude) * 0x1p112f) | special;
    return bit_cast<f32>(value | u32(bits & 0x8000u) << 16);
}

GLASS_DEVICE u16 f32_to_f16(f32 x) {
    const u32 bits = bit_cast<u32>(x);
    const u32 magnitude = bits & 0x7fffffffu;
    const u32 sign = bits >> 16 & 0x8000u;
    if (magnitude > 0x7f800000u) {  // keep the payload's upper bits; never turn NaN into infinity
        const u32 nan = 0x7c00u | (magnitude >> 13 & 0x3ffu);
        return u16(sign | (nan == 0x7c00u ? 0x7c01u : nan));
    }
    return u16(round_to_small<10, 15, 0x7c00, 0x7e00, 0x8000>(x));
}

// To odd, so that the second rounding to f16 is the only one that counts.
GLASS_DEVICE u16 f64_to_f16(f64 x) {
    f32 narrow = f32(x);
    if (narrow == narrow && f64(narrow) != x) {
        u32 bits = bit_cast<u32>(narrow);
        const f64 magnitude = x < 0 ? -x : x;
        if (f64(bit_cast<f32>(bits & 0x7fffffffu)) > magnitude) bits -= 1;
        narrow = bit_cast<f32>(bits | 1u);
    }
    return f32_to_f16(narrow);
}

GLASS_DEVICE u16 f32_to_bf16(f32 x) {
    const u32 bits = bit_cast<u32>(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return u16((bits >> 16 & 0x8000u) | 0x7fc0u);
    return u16((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

#else

GLASS_DEVICE f32 f16_to_f32(u16 bits) {
    f32 x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
}

GLASS_DEVICE u16 f32_to_f16(f32 x) {
    u16 bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
}

GLASS_DEVICE u16 f64_to_f16(f64 x) {
    u16 bits;
    asm("cvt.rn.f16.f64 %0, %1;" : "=h"(bits) : "d"(x));
    return bits;
}

GLASS_DEVICE u16 f32_to_bf16(f32 x) {
    u16 bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
}

#endif

GLASS_DEVICE u8 f32_to_f8e4m3(f32 x) {
#if !defined(GLASS_HOST) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
    u16 pair;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(0.0f), "f"(x));
    return u8(pair);
#else
    return u8(round_to_small<3, 7, 0x7e, 0x7f, 0x80>(x));
#endif
}

GLASS_DEVICE u8 f32_to_f8e5m2(f32 x) {
#if !defined(GLASS_HOST) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
    u16 pair;
    asm("cvt.rn.satfinite.e5m2x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(0.0f), "f"(x));
    return u8(pair);
#else
    return u8(round_to_small<2, 15, 0x7b, 0x7e, 0x80>(x));
#endif
}

// ---- One name for all pairs. -------------------------------------------------------------------

template <class From>
GLASS_DEVICE f32 storage_to_f32(From x) {
    if constexpr (is_same<From, f16>) return f16_to_f32(x.bits);
    else if constexpr (is_same<From, bf16>) return bit_cast<f32>(u32(x.bits) << 16);
    else if constexpr (is_same<From, f8e4m3>) return f8e4m3_to_f32(x.bits);
    else if constexpr (is_same<From, f8e5m2>) return f16_to_f32(u16(x.bits << 8));
    else return small_to_f32(x);
}

template <class To>
GLASS_DEVICE To f32_to_storage(f32 x) {
    if constexpr (is_same<To, f16>) return To{f32_to_f16(x)};
    else if constexpr (is_same<To, bf16>) return To{f32_to_bf16(x)};
    else if constexpr (is_same<To, f8e4m3>) return To{f32_to_f8e4m3(x)};
    else if constexpr (is_same<To, f8e5m2>) return To{f32_to_f8e5m2(x)};
    else return f32_to_small<To>(x);
}

// The first float above the integer range is a power of two, exact in f32 and f64.
template <class To, class From>
GLASS_DEVICE To float_to_integer(From x) {
    constexpr From above = From(integer_max<To> / 2 + 1) * From(2);
    if (x >= above) return integer_max<To>;
    if (x <= From(integer_min<To>)) return integer_min<To>;
    return x == x ? To(x) : To(0);
}

template <class To, class From>
GLASS_DEVICE To convert(From x) {
    if constexpr (is_same<To, From>) return x;
    else if constexpr (is_same<From, f64> && is_same<To, f16>) return To{f64_to_f16(x)};
    else if constexpr (is_storage_float<From>) return convert<To>(storage_to_f32(x));
    else if constexpr (is_small_integer<From>) return convert<To>(small_to_byte(x));
    else if constexpr (is_small_integer<To>) return low_bits<To>(convert<i32>(x));
    else if constexpr (is_storage_float<To>) return f32_to_storage<To>(f32(x));
    else if constexpr (is_same<To, bool>) return x != From(0);
    else if constexpr (is_native_float<From> && is_integer<To>) return float_to_integer<To>(x);
    else return To(x);
}

}  // namespace glass
