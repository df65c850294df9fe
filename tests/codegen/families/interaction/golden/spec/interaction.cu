// k: interaction
//
// Dot products of 3 features of 64 numbers in pairs: 4 samples a block, a warp each.
#include "glass.cuh"
using namespace glass;

constexpr int FEATURES = 3, WIDTH = 64, LINES = 16;  // lines: features, and zeros
constexpr int PITCH = 72, PRODUCTS = 24;  // elements of a line, and of one of products
constexpr int PAIRS = 3, RESULTS = 67;
constexpr int THREADS = 128, SAMPLES = 4, SAMPLE = 1536;

struct Lookup { int column, rows; };
constexpr Lookup lookups[FEATURES] = {{0, 0}, {1, 6}, {0, 7}};

GLASS_KERNEL(THREADS, 1) k(Input<i64> x0, Input<i64> x1, Input<f16> x2, Input<f16> x3, Input<f16> x4, Output<f16> y0, const int s0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const i64 batch = s0;
    const i64 first = i64(block_x()) * SAMPLES, sample = first + warp_id();
    const int lane = lane_id();
    u16* const places = reinterpret_cast<u16*>(shared);  // of the pairs, among the products
    f16* const samples = reinterpret_cast<f16*>(shared + 16);
    f16* const features = samples + warp_id() * SAMPLE;
    f16* const products = features + LINES * PITCH;
    if (thread_x() < PAIRS) {
        int pair = int(load(x0, thread_x()));
        if (pair < 0) pair += FEATURES * FEATURES;
        pair = m_max(m_min(pair, FEATURES * FEATURES - 1), 0);
        places[thread_x()] = u16(pair / FEATURES * PRODUCTS + pair % FEATURES);
    }
    // Each lane finds the row of one feature.
    i64 own = sample;
    if (lane < FEATURES && lookups[lane].rows > 0 && sample < batch) {
        own = i64(load(x1, sample * 3 + lookups[lane].column));
        if (own < 0) own += lookups[lane].rows;
        own = m_max(m_min(own, i64(lookups[lane].rows - 1)), i64(0));
    }

    {
        const int line = lane / 8, at = lane % 8 * 8;
        const i64 row = shuffle(own, line);
        const Input<f16> from = line == 0 ? x2 : line == 1 ? x3 : x4;
        if (!(line == 0)) cp_async<16>(features + line * PITCH + at, from, row * WIDTH + at, sample < batch && line < FEATURES);
    }
    {
        const int line = 4 + lane / 8, at = lane % 8 * 8;
        *reinterpret_cast<Vec<u32, 4>*>(features + line * PITCH + at) = Vec<u32, 4>{};
    }
    {
        const int line = 8 + lane / 8, at = lane % 8 * 8;
        *reinterpret_cast<Vec<u32, 4>*>(features + line * PITCH + at) = Vec<u32, 4>{};
    }
    {
        const int line = 12 + lane / 8, at = lane % 8 * 8;
        *reinterpret_cast<Vec<u32, 4>*>(features + line * PITCH + at) = Vec<u32, 4>{};
    }

    pdl_wait();
    {
        const int line = lane / 8, at = lane % 8 * 8;
        const i64 row = shuffle(own, line);
        const Input<f16> from = line == 0 ? x2 : line == 1 ? x3 : x4;
        if (line == 0) cp_async<16>(features + line * PITCH + at, from, row * WIDTH + at, sample < batch && line < FEATURES);
    }

    cp_async_commit();
    cp_async_wait<0>();
    sync_warp();

    f32 sums[LINES / 16][LINES / 8][4] = {};
    GLASS_UNROLL
    for (int step = 0; step < 4; step++) {
        u32 rows[LINES / 16][4];
        ldmatrix_x4(rows[0], features + (lane % 16) * PITCH + step * 16 + lane / 16 * 8);
        GLASS_UNROLL
        for (int n = 0; n < LINES / 8; n++) {
            const u32 columns[2] = {rows[n / 2][n % 2], rows[n / 2][n % 2 + 2]};
            mma_m16n8k16(sums[0][n], rows[0], columns, f16{});
        }
    }
    GLASS_UNROLL
    for (int n = 0; n < LINES / 8; n++) {
        f16* const place = products + (lane / 4) * PRODUCTS + n * 8 + lane % 4 * 2;
        *reinterpret_cast<u32*>(place) = pack_pair(sums[0][n][0], sums[0][n][1], f16{});
        *reinterpret_cast<u32*>(place + 8 * PRODUCTS) = pack_pair(sums[0][n][2], sums[0][n][3], f16{});
    }
    sync_threads();

    auto result = [&](int i) {
        const int place = i % RESULTS;
        const f16* const own = samples + i / RESULTS * SAMPLE;
        if (place < WIDTH) return own[place];
        return own[LINES * PITCH + places[place - WIDTH]];
    };
    const int count = int(m_min(i64(SAMPLES), batch - first)) * RESULTS;
    if (thread_x() < (count + 3) / 4) {
        Vec<f16, 4> some;
        const int i = thread_x() * 4;
        if (i + 4 <= count) {
            GLASS_UNROLL
            for (int j = 0; j < 4; j++) some[j] = result(i + j);
            store_vec<4>(y0, first * RESULTS + i, some);
        } else {
            for (int j = i; j < count; j++) store(y0, first * RESULTS + j, result(j));
        }
    }
}
