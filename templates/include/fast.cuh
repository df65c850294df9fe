// What softmax on tensor cores is made of: an approximate exponential, and pairs of short floats.
#pragma once

#include "convert.cuh"
#include "math.cuh"

namespace glass {

// 2 to the power of x, to 2 ulp; results below the smallest normal number are 0, and so are 2 to the
// power of minus infinity and whatever is near it (PTX ex2.approx.ftz).
GLASS_DEVICE f32 exp2_fast(f32 x) {
#if defined(GLASS_HOST)
    return x < -126.0f ? 0.0f : m_exp2(x);
#else
    f32 y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// Two numbers, rounded to the 16-bit format of the tag, as one word of an mma fragment.
GLASS_DEVICE u32 pack_pair(f32 low, f32 high, f16) {
#if defined(GLASS_HOST)
    return u32(f32_to_f16(low)) | u32(f32_to_f16(high)) << 16;
#else
    u32 pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#endif
}
GLASS_DEVICE u32 pack_pair(f32 low, f32 high, bf16) {
#if defined(GLASS_HOST)
    return u32(f32_to_bf16(low)) | u32(f32_to_bf16(high)) << 16;
#else
    u32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#endif
}

}  // namespace glass
