// k_layer_norm_3ce64df8: layer_norm
//
// Row-wise: 4 rows per block, 32 threads per row.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) k_layer_norm_3ce64df8(Input<f32> x0, Input<f32> x1, Input<f32> x2, Output<f32> y0, const int s0) {
    GLASS_DYNAMIC_SHARED(smem);
    const int own_row = thread_x() / 32;
    const int worker = thread_x() % 32;
    pdl_launch_dependents();
    pdl_wait();

    // Threads past the last row recompute it, since every thread must reach the reductions' barriers; they store nothing.
    const int wanted = int(block_x()) * 4 + own_row;
    const int row = wanted < s0*5 ? wanted : s0*5 - 1;
    f32 sum1 = 0x0p+0f;
    if (worker < 16) {
        const int first2 = worker * 4;
        const Vec<f32, 4> x0_3 = load_wide<4>(x0, first2 + row*64);
        GLASS_UNROLL
        for (int lane = 0; lane < 4; ++lane) {
            sum1 = sum1 + x0_3[lane];
        }
    }
    sum1 = row_reduce<Sum, 4, 32, false>(sum1, smem);
    f32 sum4 = 0x0p+0f;
    if (worker < 16) {
        const int first5 = worker * 4;
        const Vec<f32, 4> x0_6 = load_wide<4>(x0, first5 + row*64);
        const f32 cast7 = convert<f32>(i64(64));
        const f32 div_8 = sum1 / cast7;
        GLASS_UNROLL
        for (int lane = 0; lane < 4; ++lane) {
            const f32 sub_9 = x0_6[lane] - div_8;
            const f32 sub_10 = x0_6[lane] - div_8;
            const f32 mul_11 = sub_9 * sub_10;
            sum4 = sum4 + mul_11;
        }
    }
    sum4 = row_reduce<Sum, 4, 32, false>(sum4, smem);

    if (wanted > row) return;
    if (worker < 16) {
        const int column = worker * 4;
        const Vec<f32, 4> x0_12 = load_wide<4>(x0, column + row*64);
        const f32 cast13 = convert<f32>(i64(64));
        const f32 div_14 = sum1 / cast13;
        const f32 cast16 = convert<f32>(i64(64));
        const f32 div_17 = sum4 / cast16;
        const f32 add_18 = div_17 + 0x1.4f8b58p-17f;
        const f32 rsqrt_19 = m_rsqrt(add_18);
        const Vec<f32, 4> x1_21 = load_wide<4>(x1, column);
        const Vec<f32, 4> x2_23 = load_wide<4>(x2, column);
        Vec<f32, 4> y0_25;
        GLASS_UNROLL
        for (int lane = 0; lane < 4; ++lane) {
            const f32 sub_15 = x0_12[lane] - div_14;
            const f32 mul_20 = sub_15 * rsqrt_19;
            const f32 mul_22 = mul_20 * x1_21[lane];
            const f32 add_24 = mul_22 + x2_23[lane];
            y0_25[lane] = add_24;
        }
        store_wide<4>(y0, column + row*64, y0_25);
    }
}
