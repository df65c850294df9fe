// k_matmul_add_relu_e08d2d09: matmul, add, cast, add, relu, cast, matmul, add, relu, cast
//
// Two matrix products in a chain on tensor cores (wgmma of f16 and f16, f16 and f16, accumulators in f32): 3 warpgroups of
// 64 rows, 256 columns 32 at a time, which are multiplied again to 24; weights of 2 chunks are under way.
#include "wgmma.cuh"
using namespace glass;

constexpr int BLOCK_M = 192, CONSUMERS = 384;  // rows of a tile, 64 for each warpgroup; threads that multiply
constexpr int STAGES = 4, A_TILE = 16384;  // tiles of A of one warpgroup in shared memory; bytes of each
constexpr int SLOTS = 2, SLOT = 10240, SECOND = 8192;  // chunks with weights there; bytes of those of one, and where the second's begin
constexpr int BUFFERS = 2, BUFFER = 4096;  // chunks of results of a warpgroup there; bytes of each

// Where byte `at` of a row of a chunk lies, as bulk copies swizzle it and as products read it.
GLASS_DEVICE int in_first(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }
GLASS_DEVICE int in_second(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }

GLASS_KERNEL(512, 1) k_matmul_add_relu_e08d2d09(Input<f16> x0, Input<f16> x1, Input<f32> x2, Input<f16> x3, Input<f16> x4, Input<f32> x5, Output<f16> y0, Output<f16> y1, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP second_b_map, const GLASS_TENSOR_MAP first_map, const GLASS_TENSOR_MAP second_map, const GLASS_TENSOR_MAP residual_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int M = 300;
    const int tiles = (M + BLOCK_M - 1) / BLOCK_M;
    Barrier* const a_full = reinterpret_cast<Barrier*>(shared + 113472);  // a tile of A has been copied
    Barrier* const a_empty = a_full + STAGES;  // all warps of its warpgroup have read it
    Barrier* const first_full = a_empty + STAGES;  // the weights of a chunk are there, for either product
    Barrier* const second_full = first_full + SLOTS;
    Barrier* const first_empty = second_full + SLOTS;  // all warps have read them
    Barrier* const second_empty = first_empty + SLOTS;
    Barrier* const arrived = second_empty + SLOTS;  // the residual of a chunk is there
    Barrier* const left = arrived + 3 * BUFFERS;  // the results of a chunk have been read

    if (thread_x() == 0) {
        for (int stage = 0; stage < STAGES; stage++) {
            barrier_init(a_full[stage], 1);
            barrier_init(a_empty[stage], 4);
        }
        for (int slot = 0; slot < SLOTS; slot++) {
            barrier_init(first_full[slot], 1);
            barrier_init(second_full[slot], 1);
            barrier_init(first_empty[slot], CONSUMERS / 32);
            barrier_init(second_empty[slot], CONSUMERS / 32);
        }
        for (int buffer = 0; buffer < 3 * BUFFERS; buffer++) {
            barrier_init(arrived[buffer], 1);
            barrier_init(left[buffer], 1);
        }

        barrier_fence_init();
    }
    sync_threads();
    if (thread_x() >= CONSUMERS) {
        registers_release<40>();
        if (thread_x() == CONSUMERS) {
            pdl_wait();
            int stage = 0;
            u32 parity = 1;  // of the phase in which the stage was read last: the first wait ends at once
            for (int tile = block_x(); tile < tiles; tile += grid_x()) {
                for (int group = 0; group < 3; group++) {
                    barrier_wait(a_empty[stage], parity);
                    barrier_expect(a_full[stage], 16384);
                    GLASS_UNROLL
                    for (int panel = 0; panel < 2; panel++) {
                        tma_load_2d(shared + stage * A_TILE + panel * 8192, a_map, a_full[stage], panel * 64, tile * BLOCK_M + group * 64);
                    }
                    stage = stage + 1 == STAGES ? 0 : stage + 1;
                    parity ^= stage == 0;
                }
            }
        }
        if (thread_x() == CONSUMERS + 32) {
            pdl_wait();
            auto copy_first = [&](int slot, int chunk) {
                barrier_expect(first_full[slot], 8192);
                GLASS_UNROLL
                for (int panel = 0; panel < 2; panel++) {
                    tma_load_3d(shared + 65536 + slot * SLOT + panel * 4096, b_map, first_full[slot], panel * 64, chunk * 8, 0);
                }
            };
            auto copy_second = [&](int slot, int chunk) {
                barrier_expect(second_full[slot], 2048);
                tma_load_3d(shared + 65536 + slot * SLOT + SECOND, second_b_map, second_full[slot], chunk * 32, 0, 0);
            };
            int slot = 0;
            u32 parity = 1;
            for (int tile = block_x(); tile < tiles; tile += grid_x()) {
                #pragma unroll 1
                for (int chunk = 0; chunk < 8; chunk++) {
                    barrier_wait(first_empty[slot], parity);
                    copy_first(slot, chunk);
                    barrier_wait(second_empty[slot], parity);
                    copy_second(slot, chunk);
                    slot = slot + 1 == SLOTS ? 0 : slot + 1;
                    parity ^= slot == 0;
                }
            }
        }
        if (thread_x() == CONSUMERS + 64) {
            pdl_wait();
            int count = 0;  // of the chunks of each warpgroup
            for (int tile = block_x(); tile < tiles; tile += grid_x()) {
                #pragma unroll 1
                for (int piece = 0; piece < 9; piece++) {
                    for (int group = 0; group < 3; group++) {
                        const int at = group * BUFFERS + count % BUFFERS;
                        barrier_wait(left[at], ~(count / BUFFERS) & 1);
                        if (piece < 8) {
                            barrier_expect(arrived[at], 4096);
                            tma_load_2d(shared + 86016 + at * BUFFER, residual_map, arrived[at], piece * 32, tile * BLOCK_M + group * 64);
                        } else {
                            barrier_arrive(arrived[at]);
                        }
                    }
                    count++;
                }
            }
        }
        return;
    }
    registers_take<152>();
    const int lane = lane_id(), group = warp_id() / 4;
    unsigned char* const chunks = shared + 86016 + group * (BUFFERS * BUFFER);
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    // Tiles in shared memory: of A, of the weights of a chunk, and of a chunk of results.
    const u64 a_view = wgmma_tile(shared);
    const u64 first_view = wgmma_tile(shared + 65536);
    const u64 second_view = wgmma_tile<64>(shared + 65536 + SECOND);
    const u64 chunk_view = wgmma_tile<64>(chunks);
    pdl_wait();
    {
        constexpr int VECTOR = 8;
        // Epilogue operands of 8 results that are the same in every row.
        struct Along {
            Vec<f32, 8> x2_1;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x2_1 = load_wide<8>(x2, n);
        };

        if (thread_x() < 256 / VECTOR) {
            Along along;
            const int n = thread_x() * VECTOR;
            read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 110592 + thread_x() * 48) = along;
        }
    }
    {
        constexpr int VECTOR = 8, N = 24;
        // Epilogue operands of 8 results that are the same in every row.
        struct Along {
            Vec<f32, 8> x5_1;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x5_1 = load_wide<8>(x5, n);
        };

        if (thread_x() < 32 / VECTOR) {
            Along along = {};
            const int n = thread_x() * VECTOR;
            if (n < N) read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 113152 + thread_x() * 48) = along;
        }
    }
    named_barrier_sync(4, CONSUMERS);
    int count = 0;  // of the warpgroup's chunks
    Barrier* const ready = arrived + group * BUFFERS;
    Barrier* const gone = left + group * BUFFERS;
    auto finish_first = [&](const f32* own, int first_column, int first_row) {
        constexpr int VECTOR = 8;
        const unsigned char* const columns = shared + 110592;
        // Epilogue operands of 8 results that are the same in every row.
        struct Along {
            Vec<f32, 8> x2_1;
        };
        unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
        barrier_wait(ready[count % BUFFERS], count / BUFFERS & 1);  // the residual is there, or the buffer is free
            const int column = lane % 4 * 8;  // of the thread's run of columns
            const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 48);
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                unsigned char* const place = buffer + in_first(row, column * 2);
                f32 accumulator[VECTOR];
                GLASS_UNROLL
                for (int i = 0; i < VECTOR; i++) accumulator[i] = own[(i % 4) * 4 + half * 2 + i / 4];
                const auto beside = load_shared<Vec<f16, 8>>(place);
                Vec<f16, 8> place_8;
                GLASS_UNROLL
                for (int lane = 0; lane < 8; ++lane) {
                    const f32 add_2 = accumulator[lane] + along.x2_1[lane];
                    const f32 cast4 = convert<f32>(beside[lane]);
                    const f32 add_5 = add_2 + cast4;
                    const f32 max_6 = m_max(add_5, 0x0p+0f);
                    const f16 cast7 = convert<f16>(max_6);
                    place_8[lane] = cast7;
                }
                store_shared(place, place_8);
            }
        fence_proxy_async();
        named_barrier_sync(1 + warp_id() / 4, 128);
        if (leads) {
            tma_store_2d(first_map, buffer, first_column, first_row);
            tma_store_commit();
        }
    };
    auto finish_second = [&](const f32* own, int first_column, int first_row) {
        constexpr int VECTOR = 8, N = 24;
        const unsigned char* const columns = shared + 113152;
        // Epilogue operands of 8 results that are the same in every row.
        struct Along {
            Vec<f32, 8> x5_1;
        };
        unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
        barrier_wait(ready[count % BUFFERS], count / BUFFERS & 1);  // the residual is there, or the buffer is free
            const int column = lane % 4 * 8;  // of the thread's run of columns
            const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 48);
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                unsigned char* const place = buffer + in_second(row, column * 2);
                f32 accumulator[VECTOR];
                GLASS_UNROLL
                for (int i = 0; i < VECTOR; i++) accumulator[i] = own[(i % 4) * 4 + half * 2 + i / 4];
                Vec<f16, 8> place_5;
                GLASS_UNROLL
                for (int lane = 0; lane < 8; ++lane) {
                    const f32 add_2 = accumulator[lane] + along.x5_1[lane];
                    const f32 max_3 = m_max(add_2, 0x0p+0f);
                    const f16 cast4 = convert<f16>(max_3);
                    place_5[lane] = cast4;
                }
                store_shared(place, place_5);
            }
        fence_proxy_async();
        named_barrier_sync(1 + warp_id() / 4, 128);
        if (leads) {
            tma_store_2d(second_map, buffer, first_column, first_row);
            tma_store_commit();
        }
    };
    int index = group;  // of the tile of A
    int slot = 0;
    u32 slot_parity = 0;
    for (int tile = block_x(); tile < tiles; tile += grid_x()) {
        const int row = tile * BLOCK_M + group * 64;
        const int stage = index % STAGES;
        barrier_wait(a_full[stage], index / STAGES & 1);
        index += 3;
        f32 sum[16];  // uninitialised: the first product of a tile overwrites them
        #pragma unroll 1
        for (int chunk = 0; chunk < 8; chunk++) {
            barrier_wait(first_full[slot], slot_parity);
            f32 part[16];
            const int weights = slot * SLOT;
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 5; step++) {
                wgmma(part, wgmma_step(a_view, stage * A_TILE + step / 4 * 8192 + step % 4 * 32), wgmma_step(first_view, weights + step / 4 * 4096 + step % 4 * 32), step > 0, f16{}, f16{});
            }
            wgmma_commit();
            wgmma_wait<0>();
            wgmma_take(part);
            if (lane == 0 && chunk == 7) barrier_arrive(a_empty[stage]);
            if (lane == 0) barrier_arrive(first_empty[slot]);
            if (lane == 0 && chunk > 0) barrier_arrive(second_empty[slot == 0 ? SLOTS - 1 : slot - 1]);
            const u64 made = wgmma_step(chunk_view, count % BUFFERS * BUFFER);
            finish_first(part, chunk * 32, row);
            barrier_wait(second_full[slot], slot_parity);
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 2; step++) {
                wgmma(sum, wgmma_step(made, step * 32), wgmma_step(second_view, weights + step * 32), chunk > 0 || step > 0, f16{}, f16{});
            }
            wgmma_commit();
            if (leads) {
                tma_store_wait_read<1>();
                if (count > 0) barrier_arrive(gone[(count - 1) % BUFFERS]);
            }
            count++;
            slot = slot + 1 == SLOTS ? 0 : slot + 1;
            slot_parity ^= slot == 0;
        }
        wgmma_wait<0>();
        wgmma_take(sum);
        if (lane == 0) barrier_arrive(second_empty[slot == 0 ? SLOTS - 1 : slot - 1]);
        finish_second(sum, 0, row);
            if (leads) {
                tma_store_wait_read<1>();
                if (count > 0) barrier_arrive(gone[(count - 1) % BUFFERS]);
            }
            count++;
    }
    if (leads) tma_store_wait<0>();
}
