// k: embedding_bag
//
// Sums of rows of 1 table: 4 threads share 8 numbers of a bag, and 2 rows on the way at once.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) k(Input<f16> x0, Input<i64> x1, Input<i64> x2, Output<f16> y0, const int s0, const int s1) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    pdl_wait();
    const int block = block_x();
    const i64 item = i64(block) * 32 + thread_x() % 32;
    const int sample = int(item) / 2;
    const int column = int(int(item) % 2) * 8;
    const Input<f16> table = x0;
    const Input<i64> indices = x1;
    const Input<i64> offsets = x2;
    const Output<f16> y = y0;
    const i64 table_rows = 5;
    const i64 length = s1;
    const i64 index_at = 0;
    const i64 offset_at = 0;
    const i64 result_at = i64(sample) * 16;

    const int part = thread_x() / 32;
    i64 begin = 0, end = 0;
    if (item < s0*2) {
        begin = i64(load(offsets, offset_at + sample));
        end = sample + 1 < s0 ? i64(load(offsets, offset_at + sample + 1)) : length;
        if (begin < 0) begin += length;  // as slices count
        if (end < 0) end += length;
        begin = m_max(m_min(begin, length), i64(0));
        end = m_max(m_min(end, length), i64(0));
    }
    const i64 count = m_max(end - begin, i64(0));

    f32 sums[8] = {};
    for (i64 first = part; first < count; first += 8) {
        i64 row[2];
        GLASS_UNROLL
        for (int u = 0; u < 2; u++) {
            const i64 place = first + u * 4;
            row[u] = place < count ? i64(load(indices, index_at + begin + place)) : i64(0);
        }
        Packed<f16, 8> numbers[2];
        GLASS_UNROLL
        for (int u = 0; u < 2; u++) {
            const bool there = first + u * 4 < count;
            if (row[u] < 0) row[u] += table_rows;
            row[u] = m_max(m_min(row[u], table_rows - 1), i64(0));
            numbers[u] = Packed<f16, 8>{};
            load_packed_if(there, numbers[u], table, row[u] * 16 + column);
        }
        GLASS_UNROLL
        for (int u = 0; u < 2; u++) {
            const Vec<f32, 8> wide = convert_all<f32>(unpacked(numbers[u]));
            GLASS_UNROLL
            for (int i = 0; i < 8; i++) sums[i] += wide[i];
        }
    }
    f32* const others = reinterpret_cast<f32*>(shared) + thread_x() % 32;
    if (part >= 2) {
        GLASS_UNROLL
        for (int i = 0; i < 8; i++) others[((part - 1) * 8 + i) * 32] = sums[i];
    }
    sync_threads();
    if (part < 2) {
        GLASS_UNROLL
        for (int i = 0; i < 8; i++) sums[i] += others[((part + 1) * 8 + i) * 32];
    }
    if (part >= 1 && part < 2) {
        GLASS_UNROLL
        for (int i = 0; i < 8; i++) others[((part - 1) * 8 + i) * 32] = sums[i];
    }
    sync_threads();
    if (part < 1) {
        GLASS_UNROLL
        for (int i = 0; i < 8; i++) sums[i] += others[(part * 8 + i) * 32];
    }

    if (part == 0 && item < s0*2) {
        const f32 divisor = f32(m_max(count, i64(1)));
        Vec<f16, 8> result;
        GLASS_UNROLL
        for (int i = 0; i < 8; i++) result[i] = convert<f16>(sums[i] / divisor);
        store_wide<8>(y, result_at + column, result);
    }
}
