// k: embedding_bag
//
// Sums of rows of 2 tables: 4 threads share 16 numbers of a bag, and 2 rows on the way at once.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) k(Input<i8> x0, Input<i64> x1, Input<f32> x2, Input<f32> x3, Input<i8> x4, Input<i64> x5, Input<f32> x6, Input<f32> x7, Output<f16> y0, Output<f16> y1, const int s0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    pdl_wait();
    const int of_table = ((s0 + 31) / 32), own_table = block_x() / of_table, block = block_x() % of_table;
    const i64 item = i64(block) * 32 + thread_x() % 32;
    const int sample = int(item);
    const int column = 0;
    const i64 result_at = i64(sample) * 16;
    Input<i8> table;
    Input<i64> indices;
    Input<f32> weights;
    Input<f32> scales;
    Output<f16> y;
    i64 table_rows;
    i64 length;
    i64 index_at;
    i64 weight_at;
    switch (own_table) {
        case 0:
            table = x0;
            indices = x1;
            weights = x2;
            scales = x3;
            y = y0;
            table_rows = 5;
            length = 20;
            index_at = i64(sample) * 20;
            weight_at = i64(sample) * 20;
            break;
        default:
            table = x4;
            indices = x5;
            weights = x6;
            scales = x7;
            y = y1;
            table_rows = 6;
            length = 3;
            index_at = i64(sample) * 3;
            weight_at = i64(sample) * 3;
            break;
    }

    const int part = thread_x() / 32;
    const i64 count = item < s0 ? length : 0;

    f32 sums[16] = {};
    for (i64 first = part; first < count; first += 8) {
        i64 row[2];
        f32 factor[2];
        GLASS_UNROLL
        for (int u = 0; u < 2; u++) {
            const i64 place = first + u * 4;
            row[u] = place < count ? i64(load(indices, index_at + place)) : i64(0);
            factor[u] = place < count ? convert<f32>(load(weights, weight_at + place)) : f32(0);
        }
        Packed<i8, 16> numbers[2];
        GLASS_UNROLL
        for (int u = 0; u < 2; u++) {
            const bool there = first + u * 4 < count;
            if (row[u] < 0) row[u] += table_rows;
            row[u] = m_max(m_min(row[u], table_rows - 1), i64(0));
            numbers[u] = Packed<i8, 16>{};
            load_packed_if(there, numbers[u], table, row[u] * 16 + column);
            const f32 scale = there ? convert<f32>(load(scales, row[u])) : f32(0);
            factor[u] = factor[u] * scale;
        }
        GLASS_UNROLL
        for (int u = 0; u < 2; u++) {
            const Vec<f32, 16> wide = convert_all<f32>(unpacked(numbers[u]));
            GLASS_UNROLL
            for (int i = 0; i < 16; i++) sums[i] = m_fma(wide[i], factor[u], sums[i]);
        }
    }
    f32* const others = reinterpret_cast<f32*>(shared) + thread_x() % 32;
    if (part >= 2) {
        GLASS_UNROLL
        for (int i = 0; i < 16; i++) others[((part - 1) * 16 + i) * 32] = sums[i];
    }
    sync_threads();
    if (part < 2) {
        GLASS_UNROLL
        for (int i = 0; i < 16; i++) sums[i] += others[((part + 1) * 16 + i) * 32];
    }
    if (part >= 1 && part < 2) {
        GLASS_UNROLL
        for (int i = 0; i < 16; i++) others[((part - 1) * 16 + i) * 32] = sums[i];
    }
    sync_threads();
    if (part < 1) {
        GLASS_UNROLL
        for (int i = 0; i < 16; i++) sums[i] += others[(part * 16 + i) * 32];
    }

    if (part == 0 && item < s0) {
        Vec<f16, 16> result;
        GLASS_UNROLL
        for (int i = 0; i < 16; i++) result[i] = convert<f16>(sums[i]);
        store_wide<16>(y, result_at + column, result);
    }
}
