// k_reduce_mul_sqrt_f6f71e15: cast, reduce, mul, reduce, sqrt, arg_reduce
//
// Row-wise: 1 row per block, 256 threads per row, several blocks per row.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(256, 1) k_reduce_mul_sqrt_f6f71e15(Input<f16> x0, Output<f32> y0, Output<f32> y1, Output<i64> y2, Output<u64> workspace, Output<u32> counters, const int s0) {
    GLASS_DYNAMIC_SHARED(smem);
    const int own_row = thread_x() / 256;
    const int worker = thread_x() % 256;
    const int share = block_y();  // which share of the row's elements this block reduces
    pdl_launch_dependents();
    pdl_wait();

    // Threads past the last row recompute it, since every thread must reach the reductions' barriers; they store nothing.
    const int wanted = int(block_x()) + own_row;
    const int row = wanted < s0 ? wanted : s0 - 1;
    f32 sum1 = 0x0p+0f;
    f32 sum2 = 0x0p+0f;
    f32 best3 = bit_cast<f32>(0xff800000u);
    i64 where4 = 0x7fffffffffffffffll;
    const int end6 = 131072;
    const int step7 = 65536;
    for (int k5 = share * 256 + worker; k5 < end6; k5 += step7) {
        const int first8 = k5 * 8;
        const Vec<f16, 8> x0_9 = load_wide<8>(x0, row*1048576 + first8);
        const Vec<f16, 8> x0_11 = load_wide<8>(x0, row*1048576 + first8);
        const Vec<f16, 8> x0_14 = load_wide<8>(x0, row*1048576 + first8);
        GLASS_UNROLL
        for (int lane = 0; lane < 8; ++lane) {
            const f32 cast10 = convert<f32>(x0_9[lane]);
            sum1 = sum1 + cast10;
            const f32 cast12 = convert<f32>(x0_11[lane]);
            const f32 mul_13 = cast12 * cast12;
            sum2 = sum2 + mul_13;
            const f32 cast15 = convert<f32>(x0_14[lane]);
            if (where4 == 0x7fffffffffffffffll || cast15 > best3 || (m_isnan(cast15) && !m_isnan(best3))) { best3 = cast15; where4 = first8 + lane; }
        }
    }
    sum1 = row_reduce<Sum, 1, 256, false>(sum1, smem);
    sum2 = row_reduce<Sum, 1, 256, false>(sum2, smem);
    const f32 own16 = best3;
    best3 = row_reduce<Maximum, 1, 256, false>(own16, smem);
    where4 = row_reduce<Minimum, 1, 256, false>((own16 == best3 || (m_isnan(own16) && m_isnan(best3))) ? where4 : 0x7fffffffffffffffll, smem);

    // Every block writes its partial result to the workspace. The last block to arrive combines them in index
    // order, so that the result does not depend on the order of arrival.
    if (worker == 0 && wanted == row) {
        const i64 slot = (i64(row) * 256 + share) * 4;
        store(workspace, slot, u64(bit_cast<u32>(sum1)));
        store(workspace, slot + 1, u64(bit_cast<u32>(sum2)));
        store(workspace, slot + 2, u64(bit_cast<u32>(best3)));
        store(workspace, slot + 3, u64(where4));
    }
    threadfence();
    sync_threads();
    u32* const arrived = reinterpret_cast<u32*>(smem + 2048);
    if (thread_x() == 0) *arrived = atomic_add_u32(counters, block_x(), 1);
    sync_threads();
    if (*arrived != 255) return;
    threadfence();
    if (thread_x() == 0) store(counters, block_x(), 0u);
    sum1 = 0x0p+0f;
    sum2 = 0x0p+0f;
    best3 = bit_cast<f32>(0xff800000u);
    where4 = 0x7fffffffffffffffll;
    const i64 slot = (i64(row) * 256 + worker) * 4;
    const f32 part17 = bit_cast<f32>(u32(load(workspace, slot)));
    sum1 = sum1 + part17;
    const f32 part18 = bit_cast<f32>(u32(load(workspace, slot + 1)));
    sum2 = sum2 + part18;
    const f32 part19 = bit_cast<f32>(u32(load(workspace, slot + 2)));
    const i64 part20 = i64(load(workspace, slot + 3));
    if (part20 != 0x7fffffffffffffffll && (where4 == 0x7fffffffffffffffll || part19 > best3 || (m_isnan(part19) && !m_isnan(best3)) || ((part19 == best3 || (m_isnan(part19) && m_isnan(best3))) && part20 < where4))) { best3 = part19; where4 = part20; }
    sum1 = row_reduce<Sum, 1, 256, false>(sum1, smem);
    sum2 = row_reduce<Sum, 1, 256, false>(sum2, smem);
    const f32 own21 = best3;
    best3 = row_reduce<Maximum, 1, 256, false>(own21, smem);
    where4 = row_reduce<Minimum, 1, 256, false>((own21 == best3 || (m_isnan(own21) && m_isnan(best3))) ? where4 : 0x7fffffffffffffffll, smem);

    if (wanted > row) return;
    if (worker == 0) {
        const f32 cast22 = convert<f32>(i64(1048576));
        const f32 div_23 = sum1 / cast22;
        store(y0, row, div_23);
        const f32 sqrt_24 = m_sqrt(sum2);
        store(y1, row, sqrt_24);
        store(y2, row, where4);
    }
}
