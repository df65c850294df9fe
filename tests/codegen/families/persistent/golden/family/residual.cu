// k_matmul_add_sigmoid_31cf08ac: matmul, cast, add, cast, add, sigmoid, cast
//
// Implicit matrix product on tensor cores (wgmma of f16 and f16, accumulators in f32) of tiles that come by
// bulk copies: block tile 128 x 128 x 64, 2 teams of 1 warpgroup, 4 stages.
#include "wgmma.cuh"
using namespace glass;

constexpr int BLOCK_M = 128, BLOCK_N = 128, BLOCK_K = 64, STAGES = 4;
constexpr int CONSUMERS = 256, TEAM_WARPS = 4;  // threads that multiply, warps that share a tile
constexpr int A_TILE = 8192, B_TILE = 8192;  // elements of one stage
constexpr int CHUNK = 64, CHUNK_BYTES = 64 * 128;  // columns of results that leave together; bytes of 64 rows of them
constexpr int BUFFERS = 4, BUFFER = 8192;  // chunks of a warpgroup in shared memory; bytes of each

// Where byte `at` of a row of a chunk lies, as bulk copies swizzle it.
GLASS_DEVICE int in_chunk(int row, int at) { return row * 128 + (at ^ (row & 7) << 4); }

GLASS_KERNEL(384, 1) k_matmul_add_sigmoid_31cf08ac(Input<f16> x0, Input<f16> x1, Input<f16> x2, Input<f16> x3, Output<f16> y0, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP result_map, const GLASS_TENSOR_MAP residual_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int M = 1400;
    const int N = 200;
    const int tiles_m = (M + BLOCK_M - 1) / BLOCK_M, tiles_n = (N + BLOCK_N - 1) / BLOCK_N;
    const int tiles = tiles_m * tiles_n;
    const int k_tiles = 2;
    f16* const a_tiles = reinterpret_cast<f16*>(shared);
    f16* const b_tiles = reinterpret_cast<f16*>(shared + STAGES * A_TILE * 2);
    unsigned char* const behind = shared + STAGES * (A_TILE * 2 + B_TILE * 2);
    Barrier* const full = reinterpret_cast<Barrier*>(behind + 68096);  // a stage has been copied
    Barrier* const empty = full + STAGES;  // all warps of the team have read it
    Barrier* const turn = empty + STAGES;  // the team may multiply
    Barrier* const arrived = turn + 2;  // the residual of a chunk is there
    Barrier* const left = arrived + 2 * BUFFERS;  // the results of a chunk have been read

    if (thread_x() == 0) {
        for (int stage = 0; stage < STAGES; stage++) {
            barrier_init(full[stage], 1);
            barrier_init(empty[stage], TEAM_WARPS);
        }
        for (int team = 0; team < 2; team++) barrier_init(turn[team], TEAM_WARPS);
        for (int buffer = 0; buffer < 2 * BUFFERS; buffer++) {
            barrier_init(arrived[buffer], 1);
            barrier_init(left[buffer], 1);
        }
        barrier_fence_init();
    }
    sync_threads();
    if (thread_x() >= CONSUMERS) {
        registers_release<40>();
        if (thread_x() == CONSUMERS + 32) {
            pdl_wait();
            int index = 0;  // of the block's tile
            for (int tile = block_x(); tile < tiles; tile += grid_x()) {
                const int tile_m = tile / tiles_n;
                const int tile_n = tile - tile_m * tiles_n;
                #pragma unroll 1
                for (int piece = 0; piece < 4; piece++) {
                    const int count = index / 2 * 4 + piece;
                    const int buffer = index % 2 * BUFFERS + count % BUFFERS;
                    barrier_wait(left[buffer], ~(count / BUFFERS) & 1);
                    barrier_expect(arrived[buffer], CHUNK_BYTES);
                    tma_load_2d(behind + buffer * BUFFER, residual_map, arrived[buffer], tile_n * BLOCK_N + piece % 2 * CHUNK, tile_m * BLOCK_M + piece / 2 * 64);
                }
                index++;
            }
        }
        if (thread_x() > CONSUMERS) return;
        constexpr int STAGE_BYTES = A_TILE * 2 + B_TILE * 2;
        int stage = 0;
        u32 parity = 1;  // of the phase in which the stage was read last: the first wait ends at once
        auto next = [&] {
            stage = stage + 1 == STAGES ? 0 : stage + 1;
            parity ^= stage == 0;
        };
        int first = 0;
        for (int tile = block_x(); tile < tiles; tile += grid_x()) {
            const int tile_m = tile / tiles_n;
            const int tile_n = tile - tile_m * tiles_n;
            auto copy_a = [&](int at, int k_tile) {
                tma_load_2d(a_tiles + at * A_TILE, a_map, full[at], k_tile * BLOCK_K, tile_m * BLOCK_M);
            };
            auto copy_b = [&](int at, int k_tile) {
                tma_load_2d(b_tiles + at * B_TILE, b_map, full[at], k_tile * BLOCK_K, tile_n * BLOCK_N);
            };
            if (tile == block_x()) pdl_wait();
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
    unsigned char* const chunks = behind + warp_id() / 4 * (BUFFERS * BUFFER);
    Barrier* const ready = arrived + warp_id() / 4 * BUFFERS;
    Barrier* const gone = left + warp_id() / 4 * BUFFERS;
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    int count = 0;  // of the warpgroup's chunks
    // The warpgroup's part of the first stage of both tiles.
    const u64 a_view = wgmma_tile(a_tiles);
    const u64 b_view = wgmma_tile(b_tiles);
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
        // Epilogue operands of 2 results that are the same in every row.
        struct Along {
            Vec<f16, 2> x2_1;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x2_1 = load_wide<2>(x2, n);
        };

        auto finish = [&](const f32* own, int first_row, int first_column) {
            unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
            barrier_wait(ready[count % BUFFERS], count / BUFFERS & 1);
            GLASS_UNROLL
            for (int j = 0; j < CHUNK / 8; j++) {
                const int column = j * 8 + lane % 4 * 2;
                const int n = tile_n * BLOCK_N + first_column + column;
                Along along = {};
                if (n < N) read_columns(n, along);
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                    unsigned char* const place = buffer + in_chunk(row, column * 2);
                    const f32 accumulator[] = {own[j * 4 + half * 2], own[j * 4 + half * 2 + 1]};
                    const auto beside = load_shared<Vec<f16, 2>>(place);
                    Vec<f16, 2> place_9;
                    GLASS_UNROLL
                    for (int lane = 0; lane < 2; ++lane) {
                        const f32 cast2 = convert<f32>(along.x2_1[lane]);
                        const f32 add_3 = accumulator[lane] + cast2;
                        const f32 cast5 = convert<f32>(beside[lane]);
                        const f32 add_6 = add_3 + cast5;
                        const f32 short_sigmoid_7 = m_short_sigmoid(add_6);
                        const f16 cast8 = convert<f16>(short_sigmoid_7);
                        place_9[lane] = cast8;
                    }
                    store_shared(place, place_9);
                }
            }
            fence_proxy_async();
            named_barrier_sync(1 + warp_id() / 4, 128);
            if (leads) {
                tma_store_2d(result_map, buffer, tile_n * BLOCK_N + first_column, tile_m * BLOCK_M + first_row);
                tma_store_commit();
                tma_store_wait_read<1>();
                if (count > 0) barrier_arrive(gone[(count - 1) % BUFFERS]);
            }
            count++;
        };
        f32 sum[2][BLOCK_N / 2];  // uninitialised: the first product of a tile overwrites them
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
                wgmma(sum[1], wgmma_step(a_stage, step * 32 + 8192), wgmma_step(b_stage, step * 32), k_tile > 0 || step > 0, f16{}, f16{});
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
        wgmma_take(sum[1]);

        finish(sum[0], 0, 0);
        finish(sum[0] + 32, 0, 64);
        finish(sum[1], 64, 0);
        finish(sum[1] + 32, 64, 64);
    }
    if (leads) tma_store_wait<0>();
}
