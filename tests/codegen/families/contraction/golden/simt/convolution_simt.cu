// k0_conv: conv
//
// Implicit matrix product without tensor cores (accumulators in f32): block tile 32 x 32 x 32,
// 8 x 8 threads of 4 x 4 accumulators each, 3 stages, 2 splits of k.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int BLOCK_M = 32, BLOCK_N = 32, BLOCK_K = 32;
constexpr int THREADS = 64, STAGES = 3, SPLITS = 2;
constexpr int A_TILE = 1152, B_TILE = 1152;  // elements of one stage
constexpr int VECTOR = 4;  // columns that a thread finishes at a time
constexpr int COLUMNS = BLOCK_N / VECTOR;  // vectors per row of the tile
constexpr int QUAD = 4;  // accumulators read from shared memory at a time
constexpr int SUMS_PITCH = 40;  // row pitch, padded so that fragments are stored without bank conflicts

// Swizzled offset of a staged accumulator, by row and column of the tile: every second run of eight quads swaps its
// neighbours, so that eight threads that read every other quad hit eight different banks.
GLASS_DEVICE int sum_slot(int row, int column) { return row * SUMS_PITCH + (column ^ (column >> 3 & 4)); }

// Offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of a; lines run along M.
GLASS_DEVICE int a_slot(int line, int chunk) {
    return line * 36 + chunk * 4;
}

// Offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of b; lines run along N.
GLASS_DEVICE int b_slot(int line, int chunk) {
    return line * 36 + chunk * 4;
}

constexpr int THREADS_M = 8, THREADS_N = 8;
constexpr int THREAD_M = 4, THREAD_N = 4;  // tile of one thread
constexpr int K_STEP = 4;  // steps of k loaded from shared memory at a time

GLASS_KERNEL(THREADS, 4) k0_conv(Input<f32> x0, Input<f32> x1, Output<f32> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    const int M = 162;
    const int N = 20;
    const int K = 108;
    const int tiles_n = (N + BLOCK_N - 1) / BLOCK_N;
    const int tile = block_x();
    const int tile_m = tile / tiles_n;
    const int tile_n = tile - tile_m * tiles_n;
    // Split-k: this block accumulates k tiles first_tile .. first_tile + k_tiles - 1.
    const int all_tiles = 4;
    const int share = (all_tiles + SPLITS - 1) / SPLITS;
    const int first_tile = block_y() * share;
    const int k_tiles = m_min(share, all_tiles - first_tile);

    f32* const a_tiles = reinterpret_cast<f32*>(shared);
    f32* const b_tiles = reinterpret_cast<f32*>(shared + STAGES * A_TILE * 4);
    // The blocks of the cluster send each other sums, once all of them have a barrier.
    Barrier& sums_barrier = *reinterpret_cast<Barrier*>(shared + 27648);
    f32* const own_sums = reinterpret_cast<f32*>(shared + 27664);
    if (thread_x() == 0) {
        barrier_init(sums_barrier, 1);
        barrier_fence_init();
        barrier_expect(sums_barrier, 4096);
    }
    cluster_arrive();
    const int a_chunk = thread_x() % 8, a_line = thread_x() / 8;
    Offset a_origin[4];
    u32 a_taps[4] = {};  // one bit per tap: whether it lies inside the input
    GLASS_UNROLL
    for (int pass = 0; pass < 4; pass++) {
        int rest = m_min(tile_m * BLOCK_M + a_line + pass * 8, M - 1);
        const int out_x = rest % 9;
        rest /= 9;
        const int out_y = rest % 9;
        rest /= 9;
        const int image = rest;
        const int out_y_stride = 1;
        const int out_y_first = out_y * out_y_stride - 1;
        const int out_x_stride = 1;
        const int out_x_first = out_x * out_x_stride - 1;
        a_origin[pass] = Offset(image) * 972 + Offset(out_y_first) * 108 + Offset(out_x_first) * 12;
        u32 tap_x_bits = 0;
        GLASS_UNROLL
        for (int tap = 0; tap < 3; tap++) if (u32(out_x_first + tap) < u32(9)) tap_x_bits |= 1u << tap;
        GLASS_UNROLL
        for (int tap = 0; tap < 3; tap++) if (u32(out_y_first + tap) < u32(9)) a_taps[pass] |= tap_x_bits << tap * 3;
    }

    const int b_chunk = thread_x() % 8, b_line = thread_x() / 8;
    Offset b_origin[4];
    GLASS_UNROLL
    for (int pass = 0; pass < 4; pass++) {
        b_origin[pass] = Offset(m_min(tile_n * BLOCK_N + b_line + pass * 8, N - 1)) * 108;
    }

    auto copy_a = [&](int stage, int k_first, int part, int parts) {
        f32* const tile = a_tiles + stage * A_TILE;
        const int k = k_first + a_chunk * 4;
        const int tap = k / 12;
        int tap_rest = tap;
        const int tap_x = tap_rest % 3;
        tap_rest /= 3;
        const int tap_y = tap_rest;
        const u32 tap_bit = tap < 9 ? 1u << tap : 0u;
        const int channel = k - tap * 12;
        const Offset shift = Offset(tap_y) * 108 + Offset(tap_x) * 12 + Offset(channel);
        GLASS_UNROLL
        for (int pass = part; pass < 4; pass += parts) {
            const int line = a_line + pass * 8;
            const bool inside = k < K && (a_taps[pass] & tap_bit) != 0;
            cp_async<16>(tile + a_slot(line, a_chunk), x0, a_origin[pass] + shift, inside);
        }
    };

    auto copy_b = [&](int stage, int k_first, int part, int parts) {
        f32* const tile = b_tiles + stage * B_TILE;
        const int k = k_first + b_chunk * 4;
        const Offset shift = Offset(k);
        GLASS_UNROLL
        for (int pass = part; pass < 4; pass += parts) {
            const int line = b_line + pass * 8;
            const bool inside = k < K;
            cp_async<16>(tile + b_slot(line, b_chunk), x1, b_origin[pass] + shift, inside);
        }
    };

    const int thread_n = thread_x() % THREADS_N, thread_m = thread_x() / THREADS_N;
    // Row and column, within the tile, of this thread's i-th row and j-th column.
    auto row_of = [&](int i) { return thread_m + i * THREADS_M; };
    auto column_of = [&](int j) { return thread_n + j * THREADS_N; };
    f32 sum[THREAD_M][THREAD_N] = {};

    GLASS_UNROLL
    for (int stage = 0; stage < STAGES - 1; stage++) {
        if (stage < k_tiles) copy_b(stage, (first_tile + stage) * BLOCK_K, 0, 1);
    }
    pdl_wait();
    pdl_launch_dependents();
    GLASS_UNROLL
    for (int stage = 0; stage < STAGES - 1; stage++) {
        if (stage < k_tiles) {
            const int k_first = (first_tile + stage) * BLOCK_K;
            copy_a(stage, k_first, 0, 1);
        }
        cp_async_commit();
    }

    int read_stage = 0, write_stage = STAGES - 1;
    #pragma unroll 1
    for (int k_tile = 0; k_tile < k_tiles; k_tile++) {
        cp_async_wait<STAGES - 2>();
        sync_threads();
        const bool more = k_tile + STAGES - 1 < k_tiles;
        const int k_first = (first_tile + k_tile + STAGES - 1) * BLOCK_K;
        if (more) {
            copy_a(write_stage, k_first, 0, 1);
            copy_b(write_stage, k_first, 0, 1);
        }
        cp_async_commit();
        const f32* const a_tile = a_tiles + read_stage * A_TILE;
        const f32* const b_tile = b_tiles + read_stage * B_TILE;
        #pragma unroll 2
        for (int k = 0; k < BLOCK_K; k += K_STEP) {
            f32 a_part[THREAD_M][K_STEP], b_part[THREAD_N][K_STEP];
            GLASS_UNROLL
            for (int i = 0; i < THREAD_M; i++) {
                const auto values = *reinterpret_cast<const Vec<f32, K_STEP>*>(a_tile + a_slot(row_of(i), 0) + k);
                GLASS_UNROLL
                for (int step = 0; step < K_STEP; step++) a_part[i][step] = convert<f32>(values[step]);
            }
            GLASS_UNROLL
            for (int i = 0; i < THREAD_N; i++) {
                const auto values = *reinterpret_cast<const Vec<f32, K_STEP>*>(b_tile + b_slot(column_of(i), 0) + k);
                GLASS_UNROLL
                for (int step = 0; step < K_STEP; step++) b_part[i][step] = convert<f32>(values[step]);
            }
            GLASS_UNROLL
            for (int step = 0; step < K_STEP; step++) {
                GLASS_UNROLL
                for (int i = 0; i < THREAD_M; i++) {
                    GLASS_UNROLL
                    for (int j = 0; j < THREAD_N; j++) sum[i][j] = m_fma(a_part[i][step], b_part[j][step], sum[i][j]);
                }
            }
        }
        write_stage = write_stage + 1 == STAGES ? 0 : write_stage + 1;
        read_stage = read_stage + 1 == STAGES ? 0 : read_stage + 1;
    }
    cp_async_wait<0>();
    sync_threads();

    // Stage the accumulators in the pipeline's shared memory, so that each thread finishes whole vectors of columns.
    f32* const sums = reinterpret_cast<f32*>(shared);
    GLASS_UNROLL
    for (int i = 0; i < THREAD_M; i++) {
        GLASS_UNROLL
        for (int j = 0; j < THREAD_N; j++) sums[sum_slot(row_of(i), column_of(j))] = sum[i][j];
    }
    constexpr int OWN_ROWS = BLOCK_M / SPLITS;  // rows of the tile that each block of the cluster finishes
    const int first_m = tile_m * BLOCK_M + cluster_rank() * OWN_ROWS;
    constexpr int ROWS = THREADS / COLUMNS;  // rows finished per iteration
    const int own_row = thread_x() / COLUMNS, column = thread_x() % COLUMNS * VECTOR;
    const int n = tile_n * BLOCK_N + column;
    const int rows_left = M - first_m;

    sync_threads();
    cluster_wait();
    for (int item = thread_x(); item < BLOCK_M * (BLOCK_N / QUAD); item += THREADS) {
        const int sent_row = item / (BLOCK_N / QUAD), sent_column = item % (BLOCK_N / QUAD) * QUAD;
        auto total = *reinterpret_cast<const Vec<f32, QUAD>*>(sums + sum_slot(sent_row, sent_column));

        cluster_store(own_sums + sum_slot(cluster_rank() * OWN_ROWS + sent_row % OWN_ROWS, sent_column), sent_row / OWN_ROWS, sums_barrier, total);
    }
    barrier_wait(sums_barrier, 0);
    if (n >= N) return;
    auto finish_row = [&](int row) {
        const int m = first_m + row;
        f32 accumulator[VECTOR];
        auto part = *reinterpret_cast<const Vec<f32, QUAD>*>(own_sums + sum_slot(row, column));
        const auto other = *reinterpret_cast<const Vec<f32, QUAD>*>(own_sums + sum_slot(OWN_ROWS + row, column));
        GLASS_UNROLL
        for (int i = 0; i < QUAD; i++) part[i] += other[i];
        GLASS_UNROLL
        for (int i = 0; i < QUAD; i++) accumulator[i] = part[i];
        Vec<f32, VECTOR> result;
        GLASS_UNROLL
        for (int lane = 0; lane < VECTOR; lane++) result[lane] = convert<f32>(accumulator[lane]);
        store_wide<VECTOR>(y0, 0 + (i64(m)) * 20 + n, result);
    };
    if (rows_left < OWN_ROWS) {
        #pragma unroll 1
        for (int row = own_row; row < rows_left; row += ROWS) finish_row(row);
        return;
    }
    #pragma unroll 2
    for (int pass = 0; pass < OWN_ROWS / ROWS; pass++) finish_row(own_row + pass * ROWS);
}
