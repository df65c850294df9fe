// k0_across: matmul
//
// Implicit matrix product on tensor cores (wgmma of f16 and f16, accumulators in f32):
// block tile 128 x 128 x 64, 2 x 1 warpgroups (m, n), 4 stages, 1 split of k.
#include "wgmma.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int BLOCK_M = 128, BLOCK_N = 128, BLOCK_K = 64;
constexpr int THREADS = 256, STAGES = 4;
constexpr int A_TILE = 8192, B_TILE = 8192;  // elements of one stage
constexpr int VECTOR = 8;  // columns that a thread finishes at a time
constexpr int COLUMNS = BLOCK_N / VECTOR;  // vectors per row of the tile
constexpr int QUAD = 4;  // accumulators read from shared memory at a time
constexpr int SUMS_PITCH = 136;  // row pitch, padded so that fragments are stored without bank conflicts

// Swizzled offset of a staged accumulator, by row and column of the tile: every second run of eight quads swaps its
// neighbours, so that eight threads that read every other quad hit eight different banks.
GLASS_DEVICE int sum_slot(int row, int column) { return row * SUMS_PITCH + (column ^ (column >> 3 & 4)); }

// Swizzled offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of a; lines run along K.
GLASS_DEVICE int a_slot(int line, int chunk) {
    return chunk / 8 * 4096 + line * 64 + ((chunk ^ line) & 7) * 8;
}

// Swizzled offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of b; lines run along K.
GLASS_DEVICE int b_slot(int line, int chunk) {
    return chunk / 8 * 4096 + line * 64 + ((chunk ^ line) & 7) * 8;
}

constexpr int TILES_M = 1, GROUP_N = 128;  // of a warpgroup: tiles of 64 rows, and columns
constexpr int AHEAD = STAGES - 2;  // tiles that are under way; products may still read the other stages

GLASS_KERNEL(THREADS, 1) k0_across(Input<f16> x0, Input<f16> x1, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int M = 512;
    const int N = 512;
    const int tiles_n = (N + BLOCK_N - 1) / BLOCK_N;
    const int tile = block_x();
    const int tile_m = tile / tiles_n;
    const int tile_n = tile - tile_m * tiles_n;
    const int k_tiles = 8;

    f16* const a_tiles = reinterpret_cast<f16*>(shared);
    f16* const b_tiles = reinterpret_cast<f16*>(shared + STAGES * A_TILE * 2);
    const int a_chunk = thread_x() % 16, a_line = thread_x() / 16;
    const int a_first = tile_m * BLOCK_M + a_chunk * 8;
    const Offset a_origin = a_first;

    const int b_chunk = thread_x() % 16, b_line = thread_x() / 16;
    const int b_first = tile_n * BLOCK_N + b_chunk * 8;
    const Offset b_origin = b_first;

    auto copy_a = [&](int stage, int k_first, int part, int parts) {
        f16* const tile = a_tiles + stage * A_TILE;
        GLASS_UNROLL
        for (int pass = part; pass < 4; pass += parts) {
            const int line = a_line + pass * 16;
            const int k = k_first + line;
            cp_async<16>(tile + a_slot(line, a_chunk), x0, a_origin + Offset(k) * 512, true);
        }
    };

    auto copy_b = [&](int stage, int k_first, int part, int parts) {
        f16* const tile = b_tiles + stage * B_TILE;
        GLASS_UNROLL
        for (int pass = part; pass < 4; pass += parts) {
            const int line = b_line + pass * 16;
            const int k = k_first + line;
            cp_async<16>(tile + b_slot(line, b_chunk), x1, b_origin + Offset(k) * 512, true);
        }
    };

    const int lane = lane_id();
    const int group_m = warp_id() / 4 * (TILES_M * 64);
    // The warpgroup's part of the first stage of both tiles.
    const u64 a_view = wgmma_step(wgmma_tile(a_tiles, 8192), group_m / 64 * 8192);
    const u64 b_view = wgmma_tile(b_tiles, 8192);
    f32 sum[TILES_M][GROUP_N / 2] = {};

    GLASS_UNROLL
    for (int stage = 0; stage < STAGES - 2; stage++) {
        copy_b(stage, stage * BLOCK_K, 0, 1);
    }
    pdl_wait();
    GLASS_UNROLL
    for (int stage = 0; stage < STAGES - 2; stage++) {
        const int k_first = stage * BLOCK_K;
        copy_a(stage, k_first, 0, 1);
        cp_async_commit();
    }

    int read_stage = 0, write_stage = AHEAD;
    // Multiply tile `k_tile` while prefetching the tile AHEAD behind it, if there is one.
    auto multiply = [&](int k_tile, bool more) {
        cp_async_wait<STAGES - 3>();
        fence_proxy_async();  // products read what ordinary writes have left
        sync_threads();
        const u64 a_stage = wgmma_step(a_view, read_stage * (A_TILE * 2));
        const u64 b_stage = wgmma_step(b_view, read_stage * (B_TILE * 2));
        wgmma_fence();
        GLASS_UNROLL
        for (int step = 0; step < 4; step++) {
            wgmma<false, false>(sum[0], wgmma_step(a_stage, step * 2048), wgmma_step(b_stage, step * 2048), true, f16{}, f16{});
        }
        wgmma_commit();
        const int k_first = (k_tile + AHEAD) * BLOCK_K;
        if (more) {
            copy_a(write_stage, k_first, 0, 1);
            copy_b(write_stage, k_first, 0, 1);
        }
        cp_async_commit();
        write_stage = write_stage + 1 == STAGES ? 0 : write_stage + 1;
        read_stage = read_stage + 1 == STAGES ? 0 : read_stage + 1;
        wgmma_wait<1>();  // the tile before this one has been read
    };
    int k_tile = 0;
    #pragma unroll 1
    for (; k_tile < k_tiles - AHEAD; k_tile++) multiply(k_tile, true);
    #pragma unroll 1
    for (; k_tile < k_tiles; k_tile++) multiply(k_tile, false);
    wgmma_wait<0>();
    wgmma_take(sum[0]);
    cp_async_wait<0>();
    sync_threads();

    // Stage the accumulators in the pipeline's shared memory, so that each thread finishes whole vectors of columns.
    f32* const sums = reinterpret_cast<f32*>(shared);
    GLASS_UNROLL
    for (int j = 0; j < GROUP_N / 8; j++) {
        GLASS_UNROLL
        for (int half = 0; half < 2; half++) {
            const int row = group_m + warp_id() % 4 * 16 + half * 8 + lane / 4;
            const int column = j * 8 + lane % 4 * 2;
            const Vec<f32, 2> pair = {sum[0][j * 4 + half * 2], sum[0][j * 4 + half * 2 + 1]};
            *reinterpret_cast<Vec<f32, 2>*>(sums + sum_slot(row, column)) = pair;
        }
    }
    constexpr int ROWS = THREADS / COLUMNS;  // rows finished per iteration
    const int own_row = thread_x() / COLUMNS, column = thread_x() % COLUMNS * VECTOR;
    const int n = tile_n * BLOCK_N + column;

    sync_threads();
    auto finish_row = [&](int row) {
        const int m = tile_m * BLOCK_M + row;
        f32 accumulator[VECTOR];
        GLASS_UNROLL
        for (int lane = 0; lane < VECTOR; lane += QUAD) {
            auto part = *reinterpret_cast<const Vec<f32, QUAD>*>(sums + sum_slot(row, column + lane));
            GLASS_UNROLL
            for (int i = 0; i < QUAD; i++) accumulator[lane + i] = part[i];
        }
        Vec<f16, VECTOR> result;
        GLASS_UNROLL
        for (int lane = 0; lane < VECTOR; lane++) result[lane] = convert<f16>(accumulator[lane]);
        store_wide<VECTOR>(y0, 0 + (i64(m)) * N + n, result);
    };
    #pragma unroll 2
    for (int pass = 0; pass < BLOCK_M / ROWS; pass++) finish_row(own_row + pass * ROWS);
}
