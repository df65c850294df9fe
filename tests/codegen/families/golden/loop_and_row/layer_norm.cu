// k_layer_norm_91280fe7: layer_norm
//
// Row-wise: 1 row per block, 32 threads per row.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) k_layer_norm_91280fe7(Input<f32> x0, Input<f32> x1, Input<f32> x2, Output<f32> y0, const int s0) {
    GLASS_DYNAMIC_SHARED(smem);
    const int own_row = thread_x() / 32;
    const int worker = thread_x() % 32;
    pdl_launch_dependents();
    pdl_wait();

    // Threads past the last row recompute it, since every thread must reach the reductions' barriers; they store nothing.
    const int wanted = int(block_x()) + own_row;
    const int row = wanted < s0*5 ? wanted : s0*5 - 1;
    Vec<f32, 4> x0_2;
    Vec<f32, 4> x1_19;
    Vec<f32, 4> x2_21;
    {
        const int column = worker * 4;
        if (column < 64) {
            x0_2 = load_wide<4>(x0, column + row*64);
            x1_19 = load_wide<4>(x1, column);
            x2_21 = load_wide<4>(x2, column);
        }
    }
    f32 sum1 = 0x0p+0f;
    {
        const int column = worker * 4;
        if (column < 64) {
            GLASS_UNROLL
            for (int lane = 0; lane < 4; ++lane) {
                sum1 = sum1 + x0_2[lane];
            }
        }
    }
    sum1 = row_reduce<Sum, 1, 32, false>(sum1, smem);
    f32 sum3 = 0x0p+0f;
    {
        const int column = worker * 4;
        if (column < 64) {
            const f32 cast5 = convert<f32>(i64(64));
            const f32 div_6 = sum1 / cast5;
            GLASS_UNROLL
            for (int lane = 0; lane < 4; ++lane) {
                const f32 sub_7 = x0_2[lane] - div_6;
                const f32 sub_8 = x0_2[lane] - div_6;
                const f32 mul_9 = sub_7 * sub_8;
                sum3 = sum3 + mul_9;
            }
        }
    }
    sum3 = row_reduce<Sum, 1, 32, false>(sum3, smem);

    if (wanted > row) return;
    {
        const int column = worker * 4;
        if (column < 64) {
            const f32 cast11 = convert<f32>(i64(64));
            const f32 div_12 = sum1 / cast11;
            const f32 cast14 = convert<f32>(i64(64));
            const f32 div_15 = sum3 / cast14;
            const f32 add_16 = div_15 + 0x1.4f8b58p-17f;
            const f32 rsqrt_17 = m_rsqrt(add_16);
            Vec<f32, 4> y0_23;
            GLASS_UNROLL
            for (int lane = 0; lane < 4; ++lane) {
                const f32 sub_13 = x0_2[lane] - div_12;
                const f32 mul_18 = sub_13 * rsqrt_17;
                const f32 mul_20 = mul_18 * x1_19[lane];
                const f32 add_22 = mul_20 + x2_21[lane];
                y0_23[lane] = add_22;
            }
            store_wide<4>(y0, column + row*64, y0_23);
        }
    }
}
