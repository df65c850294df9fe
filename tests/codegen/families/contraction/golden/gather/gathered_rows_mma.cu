// k0: gather, matmul, cast, add, relu, cast
//
// Implicit matrix product on tensor cores (f16, accumulators in f32):
// block tile 16 x 32 x 128, 1 x 1 x 4 warps (m, n, k), 2 stages, 1 split of k.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int BLOCK_M = 16, BLOCK_N = 32, BLOCK_K = 128;
constexpr int THREADS = 128, STAGES = 2;
constexpr int A_TILE = 2048, B_TILE = 4096;  // elements of one stage
constexpr int VECTOR = 8;  // columns that a thread finishes at a time
constexpr int COLUMNS = BLOCK_N / VECTOR;  // vectors per row of the tile
constexpr int QUAD = 4;  // accumulators read from shared memory at a time
constexpr int SUMS_PITCH = 40;  // row pitch, padded so that fragments are stored without bank conflicts

// Swizzled offset of a staged accumulator, by row and column of the tile: every second run of eight quads swaps its
// neighbours, so that eight threads that read every other quad hit eight different banks.
GLASS_DEVICE int sum_slot(int row, int column) { return row * SUMS_PITCH + (column ^ (column >> 3 & 4)); }

// Swizzled offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of a; lines run along M.
GLASS_DEVICE int a_slot(int line, int chunk) {
    return line * 128 + (chunk ^ (line & 7)) * 8;
}

// Swizzled offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of b; lines run along K.
GLASS_DEVICE int b_slot(int line, int chunk) {
    return line * 32 + (chunk ^ ((line >> 1) & 3)) * 8;
}

constexpr int WARP_M = 16, WARP_N = 32;  // tile of one warp
constexpr int FRAGMENTS_M = WARP_M / 16, FRAGMENTS_N = WARP_N / 8;
constexpr int K_STEPS = 2;  // mma steps of one warp per k tile, 32 bytes of k each

GLASS_KERNEL(THREADS, 2) k0(Input<f16> x0, Input<i64> x1, Input<f16> x2, Input<f32> x3, Output<f16> y0, const int s0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int M = s0;
    const int N = 64;
    const int tiles_n = (N + BLOCK_N - 1) / BLOCK_N;
    const int tile = block_x();
    const int tile_m = tile / tiles_n;
    const int tile_n = tile - tile_m * tiles_n;
    constexpr int k_tiles = 1;

    f16* const a_tiles = reinterpret_cast<f16*>(shared);
    f16* const b_tiles = reinterpret_cast<f16*>(shared + STAGES * A_TILE * 2);
    const int a_chunk = thread_x() % 16, a_line = thread_x() / 16;
    Offset a_origin[2];

    const int b_chunk = thread_x() % 4, b_line = thread_x() / 4;
    const int b_first = tile_n * BLOCK_N + b_chunk * 8;
    const Offset b_origin = b_first;

    auto copy_a = [&](int stage, int k_first, int part, int parts) {
        f16* const tile = a_tiles + stage * A_TILE;
        const int k = k_first + a_chunk * 8;
        const Offset shift = Offset(k);
        GLASS_UNROLL
        for (int pass = part; pass < 2; pass += parts) {
            const int line = a_line + pass * 8;
            cp_async<16>(tile + a_slot(line, a_chunk), x0, a_origin[pass] + shift, true);
        }
    };

    auto copy_b = [&](int stage, int k_first, int part, int parts) {
        f16* const tile = b_tiles + stage * B_TILE;
        GLASS_UNROLL
        for (int pass = part; pass < 4; pass += parts) {
            const int line = b_line + pass * 32;
            const int k = k_first + line;
            cp_async<16>(tile + b_slot(line, b_chunk), x2, b_origin + Offset(k) * 64, true);
        }
    };

    const int lane = lane_id();
    const int warp_k = warp_id();

    // Double-buffered fragments: one set is multiplied while the next is loaded.
    u32 a_fragment[2][FRAGMENTS_M][4];
    u32 b_fragment[2][FRAGMENTS_N][2];
    f32 sum[FRAGMENTS_M][FRAGMENTS_N][4] = {};

    auto load_fragments = [&](int set, int stage, int step) {
        const int k_step = warp_k * K_STEPS + step;
        const f16* const a_tile = a_tiles + stage * A_TILE;
        const f16* const b_tile = b_tiles + stage * B_TILE;
        ldmatrix_x4(a_fragment[set][0], a_tile + a_slot(lane % 16, k_step * 2 + lane / 16));
        GLASS_UNROLL
        for (int j = 0; j < FRAGMENTS_N; j += 2) {
            u32 pair[4];
            ldmatrix_x4_trans(pair, b_tile + b_slot(k_step * 16 + lane % 16, j + lane / 16));
            b_fragment[set][j][0] = pair[0];
            b_fragment[set][j][1] = pair[1];
            b_fragment[set][j + 1][0] = pair[2];
            b_fragment[set][j + 1][1] = pair[3];
        }
    };

    pdl_wait();
    GLASS_UNROLL
    for (int slot = 0; slot < 2; slot++) {
        const int m = m_min(tile_m * BLOCK_M + a_line + slot * 8, M - 1);
        const i64 x1_1 = load(x1, m);
        const bool lt_2 = x1_1 < 0ll;
        const i64 add_3 = m_add(x1_1, i64(3000));
        const i64 select4 = lt_2 ? add_3 : x1_1;
        const i64 min_5 = m_min(select4, i64(2999));
        const i64 max_6 = m_max(min_5, 0ll);
        const i64 j7 = i64(max_6);
        a_origin[slot] = j7*128;
    }

    copy_a(0, 0, 0, 1);
    copy_b(0, 0, 0, 1);
    cp_async_commit();

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
            for (int j = 0; j < FRAGMENTS_N; j++) mma_m16n8k16(sum[0][j], a_fragment[step % 2][0], b_fragment[step % 2][j], f16{});
        }
    };
    multiply(0, false);
    cp_async_wait<0>();
    sync_threads();

    // Stage the accumulators in the pipeline's shared memory, so that each thread finishes whole vectors of columns.
    f32* const sums = reinterpret_cast<f32*>(shared);
    GLASS_UNROLL
    for (int j = 0; j < FRAGMENTS_N; j++) {
        GLASS_UNROLL
        for (int half = 0; half < 2; half++) {
            const int row = warp_k * BLOCK_M + half * 8 + lane / 4;
            const int column = j * 8 + lane % 4 * 2;
            const Vec<f32, 2> pair = {sum[0][j][half * 2], sum[0][j][half * 2 + 1]};
            *reinterpret_cast<Vec<f32, 2>*>(sums + sum_slot(row, column)) = pair;
        }
    }
    const int own_row = thread_x() / COLUMNS, column = thread_x() % COLUMNS * VECTOR;
    const int n = tile_n * BLOCK_N + column;
    const int rows_left = M - tile_m * BLOCK_M;
    // Epilogue operands of 8 results that are the same in every row.
    struct Along {
        Vec<f32, 8> x3_1;
    };
    auto read_columns = [&](int n, Along& along) {
        along.x3_1 = load_wide<8>(x3, n);
    };

    Along along;
    read_columns(n, along);

    sync_threads();
    auto finish_row = [&](int row) {
        const int m = tile_m * BLOCK_M + row;
        f32 accumulator[VECTOR];
        GLASS_UNROLL
        for (int lane = 0; lane < VECTOR; lane += QUAD) {
            auto part = *reinterpret_cast<const Vec<f32, QUAD>*>(sums + sum_slot(row, column + lane));
            GLASS_UNROLL
            for (int group = 1; group < 4; group++) {
                const auto other = *reinterpret_cast<const Vec<f32, QUAD>*>(sums + sum_slot(group * BLOCK_M + row, column + lane));
                GLASS_UNROLL
                for (int i = 0; i < QUAD; i++) part[i] += other[i];
            }
            GLASS_UNROLL
            for (int i = 0; i < QUAD; i++) accumulator[lane + i] = part[i];
        }
        Vec<f16, 8> y0_5;
        GLASS_UNROLL
        for (int lane = 0; lane < 8; ++lane) {
            const f32 add_2 = accumulator[lane] + along.x3_1[lane];
            const f32 max_3 = m_max(add_2, 0x0p+0f);
            const f16 cast4 = convert<f16>(max_3);
            y0_5[lane] = cast4;
        }
        store_wide<8>(y0, m*64 + n, y0_5);
    };
    if (own_row < BLOCK_M && own_row < rows_left) finish_row(own_row);
}
