// k0_narrow: conv
//
// Implicit matrix product on tensor cores (wgmma of i8 and i8, accumulators in i32) of tiles that come by
// bulk copies: block tile 64 x 96 x 192, 2 teams of 1 warpgroup, 3 stages.
#include "wgmma_integer.cuh"
using namespace glass;

constexpr int BLOCK_M = 64, BLOCK_N = 96, BLOCK_K = 192, STAGES = 3;
constexpr int CONSUMERS = 256, TEAM_WARPS = 4;  // threads that multiply, warps that share a tile
constexpr int A_TILE = 12288, B_TILE = 18432;  // elements of one stage
constexpr int CHUNK = 32;  // columns whose accumulators are staged at a time
constexpr int VECTOR = 4, COLUMNS = CHUNK / VECTOR;  // columns that a thread finishes at a time; threads for a row of a chunk
constexpr int QUAD = 4;  // accumulators read from shared memory at a time
constexpr int SUMS_PITCH = 40;  // row pitch, padded so that fragments are stored without bank conflicts

// Swizzled offset of a staged accumulator, by row and column of the chunk: every second run of eight quads swaps its
// neighbours, so that eight threads that read every other quad hit eight different banks.
GLASS_DEVICE int sum_slot(int row, int column) { return row * SUMS_PITCH + (column ^ (column >> 3 & 4)); }

GLASS_KERNEL(384, 1) k0_narrow(Input<i8> x0, Input<i8> x1, Output<i32> y0, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int M = 126;
    const int N = 96;
    const int tiles_m = (M + BLOCK_M - 1) / BLOCK_M, tiles_n = (N + BLOCK_N - 1) / BLOCK_N;
    const int tiles = tiles_m * tiles_n;
    const int k_tiles = 3;
    i8* const a_tiles = reinterpret_cast<i8*>(shared);
    i8* const b_tiles = reinterpret_cast<i8*>(shared + STAGES * A_TILE);
    unsigned char* const behind = shared + STAGES * (A_TILE + B_TILE);
    Barrier* const full = reinterpret_cast<Barrier*>(behind + 20480);  // a stage has been copied
    Barrier* const empty = full + STAGES;  // all warps of the team have read it
    Barrier* const turn = empty + STAGES;  // the team may multiply

    if (thread_x() == 0) {
        for (int stage = 0; stage < STAGES; stage++) {
            barrier_init(full[stage], 1);
            barrier_init(empty[stage], TEAM_WARPS);
        }
        for (int team = 0; team < 2; team++) barrier_init(turn[team], TEAM_WARPS);
        barrier_fence_init();
    }
    sync_threads();
    if (thread_x() >= CONSUMERS) {
        registers_release<40>();
        if (thread_x() > CONSUMERS) return;
        constexpr int STAGE_BYTES = A_TILE + B_TILE;
        int stage = 0;
        u32 parity = 1;  // of the phase in which the stage was read last: the first wait ends at once
        auto next = [&] {
            stage = stage + 1 == STAGES ? 0 : stage + 1;
            parity ^= stage == 0;
        };
        const int ahead = m_min(STAGES, k_tiles);  // tiles whose weights are copied before the wait for earlier kernels
        int first = 0;
        for (int tile = block_x(); tile < tiles; tile += grid_x()) {
            const int tile_m = tile / tiles_n;
            const int tile_n = tile - tile_m * tiles_n;
            const int first_row = tile_m * BLOCK_M;
            const int image = first_row / (9 * 7);
            const int in_image = first_row - image * (9 * 7);
            const int out_y = in_image / 7, out_x = in_image - out_y * 7;
            const int stride_y = 1;  // a size, so that kernels of other strides share the code
            const int stride_x = 1;
            const int first_y = out_y * stride_y - 1, first_x = out_x * stride_x - 1;
            auto copy_a = [&](int at, int k_tile) {
                GLASS_UNROLL
                for (int panel = 0; panel < 3; panel++) {
                    const int line = k_tile * 3 + panel;
                    const int tap = line;
                    tma_load_im2col(a_tiles + at * A_TILE + panel * (A_TILE / 3), a_map, full[at], 0, first_x, first_y, image, tap % 3, tap / 3);
                }
            };
            auto copy_b = [&](int at, int k_tile) {
                GLASS_UNROLL
                for (int panel = 0; panel < 3; panel++) {
                    const int line = k_tile * 3 + panel;
                    tma_load_2d(b_tiles + at * B_TILE + panel * (B_TILE / 3), b_map, full[at], line * (BLOCK_K / 3), tile_n * BLOCK_N);
                }
            };
            if (tile == block_x()) {
                for (int k_tile = 0; k_tile < ahead; k_tile++) {
                    barrier_expect(full[k_tile], STAGE_BYTES);
                    copy_b(k_tile, k_tile);
                }
                pdl_wait();
                for (int k_tile = 0; k_tile < ahead; k_tile++) {
                    copy_a(k_tile, k_tile);
                    next();
                }
                first = ahead;
            }
            #pragma unroll 1
            for (int k_tile = first; k_tile < k_tiles; k_tile++) {
                barrier_wait(empty[stage], parity);
                barrier_expect(full[stage], STAGE_BYTES);
                copy_a(stage, k_tile);
                copy_b(stage, k_tile);
                next();
            }
            first = 0;
        }
        return;
    }
    registers_take<232>();
    const int lane = lane_id(), team = warp_id() / TEAM_WARPS;
    i32* const sums = reinterpret_cast<i32*>(behind) + warp_id() / 4 * (64 * SUMS_PITCH);
    // The warpgroup's part of the first stage of both tiles.
    const u64 a_view = wgmma_tile<64>(a_tiles);
    const u64 b_view = wgmma_tile<64>(b_tiles);
    pdl_wait();  // before results are stored over what earlier kernels read
    int index = team;
    for (int tile = block_x() + team * grid_x(); tile < tiles; tile += 2 * grid_x()) {
        const int tile_m = tile / tiles_n;
        const int tile_n = tile - tile_m * tiles_n;
        // Teams multiply in turn: the parity of a barrier tells only two phases apart, so no team may wait further ahead.
        barrier_wait(turn[team], team == 0 ? ~(index / 2) & 1 : index / 2 & 1);
        int stage = index * k_tiles % STAGES;
        u32 parity = index * k_tiles / STAGES & 1;
        index += 2;
        const int own_row = thread_x() % 128 / COLUMNS, column = thread_x() % 128 % COLUMNS * VECTOR;

        auto finish = [&](const i32* own, int first_row, int first_column) {
            const int n = tile_n * BLOCK_N + first_column + column;
            GLASS_UNROLL
            for (int j = 0; j < CHUNK / 8; j++) {
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    const int slot = sum_slot(warp_id() % 4 * 16 + half * 8 + lane / 4, j * 8 + lane % 4 * 2);
                    const Vec<i32, 2> pair = {own[j * 4 + half * 2], own[j * 4 + half * 2 + 1]};
                    *reinterpret_cast<Vec<i32, 2>*>(sums + slot) = pair;
                }
            }
            named_barrier_sync(1 + warp_id() / 4, 128);
            #pragma unroll 2
            for (int pass = 0; pass < 4; pass++) {
                const int row = own_row + pass * 16;
                const int m = tile_m * BLOCK_M + first_row + row;
                if (!(m < M)) continue;
                i32 accumulator[VECTOR];
                auto part = *reinterpret_cast<const Vec<i32, QUAD>*>(sums + sum_slot(row, column));
                GLASS_UNROLL
                for (int i = 0; i < QUAD; i++) accumulator[i] = part[i];
                Vec<i32, VECTOR> result;
                GLASS_UNROLL
                for (int lane = 0; lane < VECTOR; lane++) result[lane] = convert<i32>(accumulator[lane]);
                store_wide<VECTOR>(y0, 0 + (i64(m)) * 96 + n, result);
            }
            named_barrier_sync(1 + warp_id() / 4, 128);
        };
        i32 sum[1][BLOCK_N / 2];  // uninitialised: the first product of a tile overwrites them
        Barrier* read = nullptr;  // of the stage before
        #pragma unroll 1
        for (int k_tile = 0; k_tile < k_tiles; k_tile++) {
            barrier_wait(full[stage], parity);
            const u64 a_stage = wgmma_step(a_view, stage * (A_TILE));
            const u64 b_stage = wgmma_step(b_view, stage * (B_TILE));
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 6; step++) {
                wgmma(sum[0], wgmma_step(a_stage, step / 2 * 4096 + step % 2 * 32), wgmma_step(b_stage, step / 2 * 6144 + step % 2 * 32), k_tile > 0 || step > 0, i8{}, i8{});
            }
            wgmma_commit();
            wgmma_wait<1>();
            if (lane == 0 && k_tile > 0) barrier_arrive(*read);
            read = empty + stage;
            stage = stage + 1 == STAGES ? 0 : stage + 1;
            parity ^= stage == 0;
        }
        if (lane == 0) barrier_arrive(turn[team + 1 == 2 ? 0 : team + 1]);
        wgmma_wait<0>();
        if (lane == 0) barrier_arrive(*read);
        wgmma_take(sum[0]);

        finish(sum[0], 0, 0);
        finish(sum[0] + 16, 0, 32);
        finish(sum[0] + 32, 0, 64);
    }
}
