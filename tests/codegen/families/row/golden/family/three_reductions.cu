// k_reduce_mul_sqrt_f6f71e15: cast, reduce, mul, reduce, sqrt, arg_reduce
//
// Row-wise: 1 row per block, 256 threads per row, 256 blocks per row.
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
    GLASS_UNROLL_BY(2)
    for (int k5 = share * 256 + worker; k5 < 131072; k5 += 65536) {
        const int first6 = k5 * 8;
        const Vec<f16, 8> x0_7 = load_wide<8>(x0, row*1048576 + first6);
        const Vec<f16, 8> x0_9 = load_wide<8>(x0, row*1048576 + first6);
        const Vec<f16, 8> x0_12 = load_wide<8>(x0, row*1048576 + first6);
        GLASS_UNROLL
        for (int lane = 0; lane < 8; ++lane) {
            const f32 cast8 = convert<f32>(x0_7[lane]);
            sum1 = sum1 + cast8;
            const f32 cast10 = convert<f32>(x0_9[lane]);
            const f32 mul_11 = cast10 * cast10;
            sum2 = sum2 + mul_11;
            const f32 cast13 = convert<f32>(x0_12[lane]);
            if (where4 == 0x7fffffffffffffffll || cast13 > best3 || (m_isnan(cast13) && !m_isnan(best3))) { best3 = cast13; where4 = first6 + lane; }
        }
    }
    sum1 = row_reduce<Sum, 1, 256, false>(sum1, smem);
    sum2 = row_reduce<Sum, 1, 256, false>(sum2, smem);
    const f32 own14 = best3;
    best3 = row_reduce<Maximum, 1, 256, false>(own14, smem);
    where4 = row_reduce<Minimum, 1, 256, false>((own14 == best3 || (m_isnan(own14) && m_isnan(best3))) ? where4 : 0x7fffffffffffffffll, smem);

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
    const f32 part15 = bit_cast<f32>(u32(load(workspace, slot)));
    sum1 = sum1 + part15;
    const f32 part16 = bit_cast<f32>(u32(load(workspace, slot + 1)));
    sum2 = sum2 + part16;
    const f32 part17 = bit_cast<f32>(u32(load(workspace, slot + 2)));
    const i64 part18 = i64(load(workspace, slot + 3));
    if (part18 != 0x7fffffffffffffffll && (where4 == 0x7fffffffffffffffll || part17 > best3 || (m_isnan(part17) && !m_isnan(best3)) || ((part17 == best3 || (m_isnan(part17) && m_isnan(best3))) && part18 < where4))) { best3 = part17; where4 = part18; }
    sum1 = row_reduce<Sum, 1, 256, false>(sum1, smem);
    sum2 = row_reduce<Sum, 1, 256, false>(sum2, smem);
    const f32 own19 = best3;
    best3 = row_reduce<Maximum, 1, 256, false>(own19, smem);
    where4 = row_reduce<Minimum, 1, 256, false>((own19 == best3 || (m_isnan(own19) && m_isnan(best3))) ? where4 : 0x7fffffffffffffffll, smem);

    if (wanted > row) return;
    if (worker == 0) {
        const f32 cast20 = convert<f32>(i64(1048576));
        const f32 div_21 = sum1 / cast20;
        store(y0, row, div_21);
        const f32 sqrt_22 = m_sqrt(sum2);
        store(y1, row, sqrt_22);
        store(y2, row, where4);
    }
}
