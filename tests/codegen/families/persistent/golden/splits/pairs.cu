// k_matmul_add_sigmoid_2eea68a7: matmul, cast, add, sigmoid, cast
//
// Implicit matrix product on tensor cores (wgmma of f16 and f16, accumulators in f32) of tiles that come by
// bulk copies: block tile 128 x 128 x 64, 1 team of 2 warpgroups, 3 stages.
#include "wgmma.cuh"
using namespace glass;

constexpr int BLOCK_M = 128, BLOCK_N = 128, BLOCK_K = 64, STAGES = 3;
constexpr int CONSUMERS = 256, TEAM_WARPS = 8;  // threads that multiply, warps that share a tile
constexpr int A_TILE = 8192, B_TILE = 8192;  // elements of one stage
constexpr int SPLITS = 2, OWN_N = BLOCK_N / SPLITS;  // blocks that share a tile; columns that each finishes
constexpr int CHUNK = 64, CHUNK_BYTES = 64 * 128;  // columns of results that leave together; bytes of 64 rows of them
constexpr int BUFFERS = 2, BUFFER = 8192;  // chunks of a warpgroup in shared memory; bytes of each

// Where byte `at` of a row of a chunk lies, as bulk copies swizzle it.
GLASS_DEVICE int in_chunk(int row, int at) { return row * 128 + (at ^ (row & 7) << 4); }

GLASS_KERNEL(384, 1) k_matmul_add_sigmoid_2eea68a7(Input<f16> x0, Input<f16> x1, Input<f16> x2, Output<f16> y0, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP result_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int M = 200;
    const int N = 200;
    const int tiles_m = (M + BLOCK_M - 1) / BLOCK_M, tiles_n = (N + BLOCK_N - 1) / BLOCK_N;
    const int tiles = tiles_m * tiles_n;
    const int rank = cluster_rank(), all_of_k = 9;
    const int first_k = rank * all_of_k / SPLITS, k_tiles = (rank + 1) * all_of_k / SPLITS - first_k;
    f16* const a_tiles = reinterpret_cast<f16*>(shared);
    f16* const b_tiles = reinterpret_cast<f16*>(shared + STAGES * A_TILE * 2);
    unsigned char* const behind = shared + STAGES * (A_TILE * 2 + B_TILE * 2);
    Barrier* const full = reinterpret_cast<Barrier*>(behind + 66176);  // a stage has been copied
    Barrier* const empty = full + STAGES;  // all warps of the team have read it
    auto* const sent = reinterpret_cast<Vec<f32, 4>*>(behind + 33408);
    Barrier& sums_barrier = *(empty + STAGES);  // the sums of all other blocks are there
    if (thread_x() == 0) {
        for (int stage = 0; stage < STAGES; stage++) {
            barrier_init(full[stage], 1);
            barrier_init(empty[stage], TEAM_WARPS);
        }
        barrier_init(sums_barrier, 1);
        barrier_fence_init();
        barrier_expect(sums_barrier, 32768);
    }
    cluster_arrive();
    sync_threads();
    if (thread_x() >= CONSUMERS) {
        registers_release<40>();
        if (thread_x() == CONSUMERS) {
            constexpr int STAGE_BYTES = A_TILE * 2 + B_TILE * 2;
            int stage = 0;
            u32 parity = 1;  // of the phase in which the stage was read last: the first wait ends at once
            auto next = [&] {
                stage = stage + 1 == STAGES ? 0 : stage + 1;
                parity ^= stage == 0;
            };
            int first = 0;
            if (const int tile = block_x() / 2; tile < tiles) {
                const int tile_m = tile / tiles_n;
                const int tile_n = tile - tile_m * tiles_n;
                auto copy_a = [&](int at, int k_tile) {
                    tma_load_2d(a_tiles + at * A_TILE, a_map, full[at], k_tile * BLOCK_K, tile_m * BLOCK_M);
                };
                auto copy_b = [&](int at, int k_tile) {
                    tma_load_2d(b_tiles + at * B_TILE, b_map, full[at], k_tile * BLOCK_K, tile_n * BLOCK_N);
                };
                if (tile == block_x() / 2) pdl_wait();
                #pragma unroll 1
                for (int k_tile = first; k_tile < k_tiles; k_tile++) {
                    barrier_wait(empty[stage], parity);
                    barrier_expect(full[stage], STAGE_BYTES);
                    copy_a(stage, first_k + k_tile);
                    copy_b(stage, first_k + k_tile);
                    next();
                }
                first = 0;
            }
        }
        sync_warp();
        cluster_wait();
        return;
    }
    registers_take<232>();
    const int lane = lane_id();
    const int group_m = warp_id() / 4 * 64;  // the warpgroup's first row of a tile
    unsigned char* const chunks = behind + warp_id() / 4 * (BUFFERS * BUFFER);
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    int count = 0;  // of the warpgroup's chunks
    // The warpgroup's part of the first stage of both tiles.
    const u64 a_view = wgmma_step(wgmma_tile(a_tiles), group_m * 128);
    const u64 b_view = wgmma_tile(b_tiles);
    pdl_wait();  // before results are stored over what earlier kernels read
    int stage = 0;
    u32 parity = 0;
    if (const int tile = block_x() / 2; tile < tiles) {
        const int tile_m = tile / tiles_n;
        const int tile_n = tile - tile_m * tiles_n;
        // Epilogue operands of 2 results that are the same in every row.
        struct Along {
            Vec<f16, 2> x2_1;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x2_1 = load_wide<2>(x2, n);
        };

        auto finish = [&](const f32* own, int first_row, int first_column) {
            unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
            GLASS_UNROLL
            for (int j = 0; j < CHUNK / 8; j++) {
                const int column = j * 8 + lane % 4 * 2;
                const int n = (tile_n * SPLITS + rank) * OWN_N + first_column + column;
                Along along = {};
                if (n < N) read_columns(n, along);
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                    unsigned char* const place = buffer + in_chunk(row, column * 2);
                    const f32 accumulator[] = {own[j * 4 + half * 2], own[j * 4 + half * 2 + 1]};
                    Vec<f16, 2> place_6;
                    GLASS_UNROLL
                    for (int lane = 0; lane < 2; ++lane) {
                        const f32 cast2 = convert<f32>(along.x2_1[lane]);
                        const f32 add_3 = accumulator[lane] + cast2;
                        const f32 short_sigmoid_4 = m_short_sigmoid(add_3);
                        const f16 cast5 = convert<f16>(short_sigmoid_4);
                        place_6[lane] = cast5;
                    }
                    store_shared(place, place_6);
                }
            }
            fence_proxy_async();
            if (leads) tma_store_wait_read<BUFFERS - 2>();  // the buffer of the next chunk is free again
            named_barrier_sync(1 + warp_id() / 4, 128);
            if (leads) {
                tma_store_2d(result_map, buffer, (tile_n * SPLITS + rank) * OWN_N + first_column, tile_m * BLOCK_M + first_row);
                tma_store_commit();
            }
            count++;
        };
        f32 sum[1][BLOCK_N / 2];  // uninitialised: the first product of a tile overwrites them
        Barrier* read = nullptr;  // of the stage before
        #pragma unroll 1
        for (int k_tile = 0; k_tile < k_tiles; k_tile++) {
            barrier_wait(full[stage], parity);
            const u64 a_stage = wgmma_step(a_view, stage * (A_TILE * 2));
            const u64 b_stage = wgmma_step(b_view, stage * (B_TILE * 2));
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 4; step++) {
                wgmma(sum[0], wgmma_step(a_stage, step * 32), wgmma_step(b_stage, step * 32), k_tile > 0 || step > 0, f16{}, f16{});
            }
            wgmma_commit();
            wgmma_wait<1>();
            if (lane == 0 && k_tile > 0) barrier_arrive(*read);
            read = empty + stage;
            stage = stage + 1 == STAGES ? 0 : stage + 1;
            parity ^= stage == 0;
        }
        wgmma_wait<0>();
        if (lane == 0) barrier_arrive(*read);
        wgmma_take(sum[0]);

        cluster_wait();  // all blocks of the cluster have a barrier
        f32 total[1][OWN_N / 2];
        GLASS_UNROLL
        for (int block = 0; block < SPLITS; block++) {
            GLASS_UNROLL
            for (int group = 0; group < OWN_N / 8; group++) {  // of eight columns
                const int first = (block * (OWN_N / 8) + group) * 4;
                if (block == rank) {
                    GLASS_UNROLL
                    for (int i = 0; i < 4; i++) total[0][group * 4 + i] = sum[0][first + i];
                } else {
                    const Vec<f32, 4> quad = {sum[0][first], sum[0][first + 1], sum[0][first + 2], sum[0][first + 3]};
                    cluster_store(sent + (rank - (block < rank)) * (OWN_N / 8 * CONSUMERS) + group * CONSUMERS + thread_x(), block, sums_barrier, quad);
                }
            }
        }
        barrier_wait(sums_barrier, 0);
        GLASS_UNROLL
        for (int group = 0; group < OWN_N / 8; group++) {
            const auto quad0 = sent[(0) * (OWN_N / 8 * CONSUMERS) + group * CONSUMERS + thread_x()];
            GLASS_UNROLL
            for (int i = 0; i < 4; i++) {
                total[0][group * 4 + i] += quad0[i];
            }
        }
        finish(total[0], group_m, 0);
    }
    if (leads) tma_store_wait<0>();
}
