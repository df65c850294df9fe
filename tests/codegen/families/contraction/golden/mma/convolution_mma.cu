// k0_conv: conv
//
// Implicit matrix product on tensor cores (f16, accumulators in f32):
// block tile 128 x 64 x 64, 2 x 2 x 1 warps (m, n, k), 4 stages, 1 split of k.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int BLOCK_M = 128, BLOCK_N = 64, BLOCK_K = 64;
constexpr int THREADS = 128, STAGES = 4;
constexpr int A_TILE = 8192, B_TILE = 4096;  // elements of one stage
constexpr int VECTOR = 8;  // columns that a thread finishes at a time
constexpr int COLUMNS = BLOCK_N / VECTOR;  // vectors per row of the tile
constexpr int QUAD = 4;  // accumulators read from shared memory at a time
constexpr int SUMS_PITCH = 72;  // row pitch, padded so that fragments are stored without bank conflicts

// Swizzled offset of a staged accumulator, by row and column of the tile: every second run of eight quads swaps its
// neighbours, so that eight threads that read every other quad hit eight different banks.
GLASS_DEVICE int sum_slot(int row, int column) { return row * SUMS_PITCH + (column ^ (column >> 3 & 4)); }

// Swizzled offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of a; lines run along M.
GLASS_DEVICE int a_slot(int line, int chunk) {
    return line * 64 + (chunk ^ (line & 7)) * 8;
}

// Swizzled offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of b; lines run along N.
GLASS_DEVICE int b_slot(int line, int chunk) {
    return line * 64 + (chunk ^ (line & 7)) * 8;
}

constexpr int WARP_M = 64, WARP_N = 32;  // tile of one warp
constexpr int FRAGMENTS_M = WARP_M / 16, FRAGMENTS_N = WARP_N / 8;
constexpr int K_STEPS = 4;  // mma steps of one warp per k tile, 32 bytes of k each

GLASS_KERNEL(THREADS, 2) k0_conv(Input<f16> x0, Input<f16> x1, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    const int M = 1568;
    const int N = 128;
    const int tiles_n = (N + BLOCK_N - 1) / BLOCK_N;
    const int tile = block_x();
    const int tile_m = tile / tiles_n;
    const int tile_n = tile - tile_m * tiles_n;
    const int k_tiles = 9;

    f16* const a_tiles = reinterpret_cast<f16*>(shared);
    f16* const b_tiles = reinterpret_cast<f16*>(shared + STAGES * A_TILE * 2);
    const int a_chunk = thread_x() % 8, a_line = thread_x() / 8;
    Offset a_origin[8];
    u32 a_taps[8] = {};  // one bit per tap: whether it lies inside the input
    GLASS_UNROLL
    for (int pass = 0; pass < 8; pass++) {
        int rest = m_min(tile_m * BLOCK_M + a_line + pass * 16, M - 1);
        const int out_x = rest % 14;
        rest /= 14;
        const int out_y = rest % 14;
        rest /= 14;
        const int image = rest;
        const int out_y_stride = 2;
        const int out_y_first = out_y * out_y_stride - 1;
        const int out_x_stride = 2;
        const int out_x_first = out_x * out_x_stride - 1;
        a_origin[pass] = Offset(image) * 50176 + Offset(out_y_first) * 1792 + Offset(out_x_first) * 64;
        u32 tap_x_bits = 0;
        GLASS_UNROLL
        for (int tap = 0; tap < 3; tap++) if (u32(out_x_first + tap) < u32(28)) tap_x_bits |= 1u << tap;
        GLASS_UNROLL
        for (int tap = 0; tap < 3; tap++) if (u32(out_y_first + tap) < u32(28)) a_taps[pass] |= tap_x_bits << tap * 3;
    }

    const int b_chunk = thread_x() % 8, b_line = thread_x() / 8;
    const Offset b_origin = Offset(tile_n * BLOCK_N + b_line) * 576;

    auto copy_a = [&](int stage, int k_first, int part, int parts) {
        f16* const tile = a_tiles + stage * A_TILE;
        // The whole tile lies under one tap of the window.
        const int tap = k_first / 64;
        int tap_rest = tap;
        const int tap_x = tap_rest % 3;
        tap_rest /= 3;
        const int tap_y = tap_rest;
        const Offset tap_shift = Offset(tap_y) * 1792 + Offset(tap_x) * 64;
        const u32 tap_bit = 1u << tap;
        const int k = k_first + a_chunk * 8;
        const int channel = k - tap * 64;
        const Offset shift = tap_shift + Offset(channel);
        GLASS_UNROLL
        for (int pass = part; pass < 8; pass += parts) {
            const int line = a_line + pass * 16;
            const bool inside = (a_taps[pass] & tap_bit) != 0;
            cp_async<16>(tile + a_slot(line, a_chunk), x0, a_origin[pass] + shift, inside);
        }
    };

    auto copy_b = [&](int stage, int k_first, int part, int parts) {
        f16* const tile = b_tiles + stage * B_TILE;
        const int k = k_first + b_chunk * 8;
        const Offset shift = Offset(k);
        const i64 first = b_origin + shift;
        GLASS_UNROLL
        for (int pass = part; pass < 4; pass += parts) {
            const int line = b_line + pass * 16;
            cp_async<16>(tile + b_slot(line, b_chunk), x1, first + i64(pass * 16) * 576, true);
        }
    };

    const int lane = lane_id();
    const int warp_m = warp_id() % 2 * WARP_M;
    const int warp_n = warp_id() / 2 * WARP_N;

    // Double-buffered fragments: one set is multiplied while the next is loaded.
    u32 a_fragment[2][FRAGMENTS_M][4];
    u32 b_fragment[2][FRAGMENTS_N][2];
    f32 sum[FRAGMENTS_M][FRAGMENTS_N][4] = {};

    auto load_fragments = [&](int set, int stage, int step) {
        const f16* const a_tile = a_tiles + stage * A_TILE;
        const f16* const b_tile = b_tiles + stage * B_TILE;
        GLASS_UNROLL
        for (int i = 0; i < FRAGMENTS_M; i++) {
            ldmatrix_x4(a_fragment[set][i], a_tile + a_slot(warp_m + i * 16 + lane % 16, step * 2 + lane / 16));
        }
        GLASS_UNROLL
        for (int j = 0; j < FRAGMENTS_N; j += 2) {
            u32 pair[4];
            ldmatrix_x4(pair, b_tile + b_slot(warp_n + j * 8 + lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2));
            b_fragment[set][j][0] = pair[0];
            b_fragment[set][j][1] = pair[1];
            b_fragment[set][j + 1][0] = pair[2];
            b_fragment[set][j + 1][1] = pair[3];
        }
    };

    GLASS_UNROLL
    for (int stage = 0; stage < STAGES - 1; stage++) {
        copy_b(stage, stage * BLOCK_K, 0, 1);
    }
    pdl_wait();
    pdl_launch_dependents();
    GLASS_UNROLL
    for (int stage = 0; stage < STAGES - 1; stage++) {
        const int k_first = stage * BLOCK_K;
        copy_a(stage, k_first, 0, 1);
        cp_async_commit();
    }

    cp_async_wait<STAGES - 2>();
    sync_threads();
    load_fragments(0, 0, 0);
    int read_stage = 0, write_stage = STAGES - 1;
    // Multiply tile `k_tile` while prefetching the tile STAGES - 1 ahead, if there is one.
    auto multiply = [&](int k_tile, bool more) {
        const int k_first = (k_tile + STAGES - 1) * BLOCK_K;
        GLASS_UNROLL
        for (int step = 0; step < K_STEPS; step++) {
            if (step == K_STEPS - 1) {
                write_stage = write_stage + 1 == STAGES ? 0 : write_stage + 1;
                // Wait until the next tile has arrived and every warp has finished reading this one.
                cp_async_commit();
                cp_async_wait<STAGES - 2>();
                sync_threads();
                read_stage = read_stage + 1 == STAGES ? 0 : read_stage + 1;
            }
            load_fragments((step + 1) % 2, read_stage, (step + 1) % K_STEPS);
            if (more && step < K_STEPS - 1) {
                copy_a(write_stage, k_first, step, K_STEPS - 1);
                copy_b(write_stage, k_first, step, K_STEPS - 1);
            }
            GLASS_UNROLL
            for (int i = 0; i < FRAGMENTS_M; i++) {
                GLASS_UNROLL
                for (int count = 0; count < FRAGMENTS_N; count++) {
                    const int j = i % 2 ? FRAGMENTS_N - 1 - count : count;  // back and forth, to reuse the operand of the last mma
                    mma_m16n8k16(sum[i][j], a_fragment[step % 2][i], b_fragment[step % 2][j], f16{});
                }
            }
        }
    };
    int k_tile = 0;
    #pragma unroll 1
    for (; k_tile < k_tiles - (STAGES - 1); k_tile++) multiply(k_tile, true);
    #pragma unroll 1
    for (; k_tile < k_tiles; k_tile++) multiply(k_tile, false);
    cp_async_wait<0>();
    sync_threads();

    // Stage the accumulators in the pipeline's shared memory, so that each thread finishes whole vectors of columns.
    f32* const sums = reinterpret_cast<f32*>(shared);
    GLASS_UNROLL
    for (int i = 0; i < FRAGMENTS_M; i++) {
        GLASS_UNROLL
        for (int j = 0; j < FRAGMENTS_N; j++) {
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int row = warp_m + i * 16 + half * 8 + lane / 4;
                const int column = warp_n + j * 8 + lane % 4 * 2;
                const Vec<f32, 2> pair = {sum[i][j][half * 2], sum[i][j][half * 2 + 1]};
                *reinterpret_cast<Vec<f32, 2>*>(sums + sum_slot(row, column)) = pair;
            }
        }
    }
    constexpr int ROWS = THREADS / COLUMNS;  // rows finished per iteration
    const int own_row = thread_x() / COLUMNS, column = thread_x() % COLUMNS * VECTOR;
    const int n = tile_n * BLOCK_N + column;
    const int rows_left = M - tile_m * BLOCK_M;

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
        store_wide<VECTOR>(y0, 0 + (i64(m)) * 128 + n, result);
    };
    if (rows_left < BLOCK_M) {
        #pragma unroll 1
        for (int row = own_row; row < rows_left; row += ROWS) finish_row(row);
        return;
    }
    #pragma unroll 2
    for (int pass = 0; pass < BLOCK_M / ROWS; pass++) finish_row(own_row + pass * ROWS);
}
