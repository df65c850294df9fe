#include "glass.cuh"
using namespace glass;

// a is 16 rows, b 8 columns, both along k in 32-bit words; c and d are 16 x 8.
template <int WORDS, class Number, class Multiply>
GLASS_DEVICE void tile(Input<u32> a, Input<u32> b, Input<Number> c, Output<Number> y, Multiply multiply) {
    const int g = lane_id() / 4, t = lane_id() % 4;
    const u32 left[4] = {a[g * WORDS + t], a[(g + 8) * WORDS + t], a[g * WORDS + t + 4], a[(g + 8) * WORDS + t + 4]};
    const u32 right[2] = {b[g * WORDS + t], b[g * WORDS + t + 4]};
    Number d[4];
    for (int i = 0; i < 4; i++) d[i] = c[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
    multiply(d, left, right);
    for (int i = 0; i < 4; i++) y[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}
struct F16 {
    GLASS_DEVICE void operator()(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) const { mma_m16n8k16(d, a, b, f16{}); }
};
struct Bf16 {
    GLASS_DEVICE void operator()(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) const { mma_m16n8k16(d, a, b, bf16{}); }
};
struct Tf32 {
    GLASS_DEVICE void operator()(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) const { mma_m16n8k8_tf32(d, a, b); }
};
template <class A, class B>
struct Bytes {
    template <class Sum>
    GLASS_DEVICE void operator()(Sum (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) const {
        mma_m16n8k32(d, a, b, A{}, B{});
    }
};
GLASS_KERNEL(32, 1) mma_f16(Input<u32> a, Input<u32> b, Input<f32> c, Output<f32> y) { tile<8>(a, b, c, y, F16{}); }
GLASS_KERNEL(32, 1) mma_bf16(Input<u32> a, Input<u32> b, Input<f32> c, Output<f32> y) { tile<8>(a, b, c, y, Bf16{}); }
GLASS_KERNEL(32, 1) mma_tf32(Input<u32> a, Input<u32> b, Input<f32> c, Output<f32> y) { tile<8>(a, b, c, y, Tf32{}); }
GLASS_KERNEL(32, 1) mma_s8_s8(Input<u32> a, Input<u32> b, Input<i32> c, Output<i32> y) { tile<8>(a, b, c, y, Bytes<i8, i8>{}); }
GLASS_KERNEL(32, 1) mma_u8_s8(Input<u32> a, Input<u32> b, Input<i32> c, Output<i32> y) { tile<8>(a, b, c, y, Bytes<u8, i8>{}); }
GLASS_KERNEL(32, 1) mma_s8_u8(Input<u32> a, Input<u32> b, Input<i32> c, Output<i32> y) { tile<8>(a, b, c, y, Bytes<i8, u8>{}); }
GLASS_KERNEL(32, 1) mma_u8_u8(Input<u32> a, Input<u32> b, Input<i32> c, Output<i32> y) { tile<8>(a, b, c, y, Bytes<u8, u8>{}); }
#if defined(GLASS_HOST) || __CUDA_ARCH__ >= 890
GLASS_KERNEL(32, 1) mma_e4m3(Input<u32> a, Input<u32> b, Input<f32> c, Output<f32> y) { tile<8>(a, b, c, y, Bytes<f8e4m3, f8e4m3>{}); }
GLASS_KERNEL(32, 1) mma_e5m2(Input<u32> a, Input<u32> b, Input<f32> c, Output<f32> y) { tile<8>(a, b, c, y, Bytes<f8e5m2, f8e5m2>{}); }
GLASS_KERNEL(32, 1) mma_e4m3_e5m2(Input<u32> a, Input<u32> b, Input<f32> c, Output<f32> y) { tile<8>(a, b, c, y, Bytes<f8e4m3, f8e5m2>{}); }
GLASS_KERNEL(32, 1) mma_e5m2_e4m3(Input<u32> a, Input<u32> b, Input<f32> c, Output<f32> y) { tile<8>(a, b, c, y, Bytes<f8e5m2, f8e4m3>{}); }
#endif
