// k_matmul_mul_add_df16e43f: matmul, cast, mul, add, cast, add, relu, cast, matmul, cast, mul, add, and 2 more
//
// Two matrix products in a chain on tensor cores (wgmma of i8 and i8, i8 and i8, accumulators in i32): 2 warpgroups of
// 64 rows, 256 columns 128 at a time, which are multiplied again to 48; weights stay.
#include "wgmma_integer.cuh"
using namespace glass;

constexpr int BLOCK_M = 128, CONSUMERS = 256;  // rows of a tile, 64 for each warpgroup; threads that multiply
constexpr int STAGES = 2, A_TILE = 8192;  // tiles of A of one warpgroup in shared memory; bytes of each
constexpr int SLOTS = 2, SLOT = 24576, SECOND = 16384;  // chunks with weights there; bytes of those of one, and where the second's begin
constexpr int BUFFERS = 3, BUFFER = 8192;  // chunks of results of a warpgroup there; bytes of each

// Where byte `at` of a row of a chunk lies, as bulk copies swizzle it and as products read it.
GLASS_DEVICE int in_first(int row, int at) { return row * 128 + (at ^ (row & 7) << 4); }
GLASS_DEVICE int in_second(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }

GLASS_KERNEL(384, 1) k_matmul_mul_add_df16e43f(Input<i8> x0, Input<i8> x1, Input<f32> x2, Input<f32> x3, Input<i8> x4, Input<i8> x5, Input<f32> x6, Input<f32> x7, Output<i8> y0, Output<i8> y1, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP second_b_map, const GLASS_TENSOR_MAP first_map, const GLASS_TENSOR_MAP second_map, const GLASS_TENSOR_MAP residual_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int M = 200;
    const int tiles = (M + BLOCK_M - 1) / BLOCK_M;
    Barrier* const a_full = reinterpret_cast<Barrier*>(shared + 117888);  // a tile of A has been copied
    Barrier* const a_empty = a_full + STAGES;  // all warps of its warpgroup have read it
    Barrier* const first_full = a_empty + STAGES;  // the weights of a chunk are there, for either product
    Barrier* const second_full = first_full + SLOTS;
    Barrier* const arrived = second_full + SLOTS;  // the residual of a chunk is there
    Barrier* const left = arrived + 2 * BUFFERS;  // the results of a chunk have been read

    if (thread_x() == 0) {
        for (int stage = 0; stage < STAGES; stage++) {
            barrier_init(a_full[stage], 1);
            barrier_init(a_empty[stage], 4);
        }
        for (int slot = 0; slot < SLOTS; slot++) {
            barrier_init(first_full[slot], 1);
            barrier_init(second_full[slot], 1);
        }
        for (int buffer = 0; buffer < 2 * BUFFERS; buffer++) {
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
                for (int group = 0; group < 2; group++) {
                    barrier_wait(a_empty[stage], parity);
                    barrier_expect(a_full[stage], 8192);
                    tma_load_2d(shared + stage * A_TILE, a_map, a_full[stage], 0, tile * BLOCK_M + group * 64);
                    stage = stage + 1 == STAGES ? 0 : stage + 1;
                    parity ^= stage == 0;
                }
            }
        }
        if (thread_x() == CONSUMERS + 32) {
            pdl_wait();
            auto copy_first = [&](int slot, int chunk) {
                barrier_expect(first_full[slot], 16384);
                tma_load_3d(shared + 16384 + slot * SLOT, b_map, first_full[slot], 0, chunk * 8, 0);
            };
            auto copy_second = [&](int slot, int chunk) {
                barrier_expect(second_full[slot], 8192);
                tma_load_3d(shared + 16384 + slot * SLOT + SECOND, second_b_map, second_full[slot], chunk * 128, 0, 0);
            };
            #pragma unroll 1
            for (int chunk = 0; chunk < 2; chunk++) {
                copy_first(chunk, chunk);
                copy_second(chunk, chunk);
            }
        }
        if (thread_x() == CONSUMERS + 64) {
            pdl_wait();
            int count = 0;  // of the chunks of each warpgroup
            for (int tile = block_x(); tile < tiles; tile += grid_x()) {
                #pragma unroll 1
                for (int piece = 0; piece < 3; piece++) {
                    for (int group = 0; group < 2; group++) {
                        const int at = group * BUFFERS + count % BUFFERS;
                        barrier_wait(left[at], ~(count / BUFFERS) & 1);
                        if (piece < 2) {
                            barrier_expect(arrived[at], 8192);
                            tma_load_2d(shared + 65536 + at * BUFFER, residual_map, arrived[at], piece * 128, tile * BLOCK_M + group * 64);
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
    registers_take<232>();
    const int lane = lane_id(), group = warp_id() / 4;
    unsigned char* const chunks = shared + 65536 + group * (BUFFERS * BUFFER);
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    // Tiles in shared memory: of A, of the weights of a chunk, and of a chunk of results.
    const u64 a_view = wgmma_tile(shared);
    const u64 first_view = wgmma_tile(shared + 16384);
    const u64 second_view = wgmma_tile(shared + 16384 + SECOND);
    const u64 chunk_view = wgmma_tile(chunks);
    pdl_wait();
    {
        constexpr int VECTOR = 16;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x2_2;
            Vec<f32, 16> x3_4;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x2_2 = load_wide<16>(x2, n);
            along.x3_4 = load_wide<16>(x3, n);
        };

        if (thread_x() < 256 / VECTOR) {
            Along along;
            const int n = thread_x() * VECTOR;
            read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 114688 + thread_x() * 144) = along;
        }
    }
    {
        constexpr int VECTOR = 16, N = 48;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x6_2;
            Vec<f32, 16> x7_4;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x6_2 = load_wide<16>(x6, n);
            along.x7_4 = load_wide<16>(x7, n);
        };

        if (thread_x() < 64 / VECTOR) {
            Along along = {};
            const int n = thread_x() * VECTOR;
            if (n < N) read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 117248 + thread_x() * 144) = along;
        }
    }
    named_barrier_sync(3, CONSUMERS);
    int count = 0;  // of the warpgroup's chunks
    Barrier* const ready = arrived + group * BUFFERS;
    Barrier* const gone = left + group * BUFFERS;
    auto finish_first = [&](const i32* own, int first_column, int first_row) {
        constexpr int VECTOR = 16;
        const unsigned char* const columns = shared + 114688;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x2_2;
            Vec<f32, 16> x3_4;
        };
        unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
        barrier_wait(ready[count % BUFFERS], count / BUFFERS & 1);  // the residual is there, or the buffer is free
            GLASS_UNROLL
            for (int first = 0; first < 32; first += VECTOR) {
                const int column = lane % 4 * 32 + first;  // of the thread's run of columns
                const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 144);
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                    unsigned char* const place = buffer + in_first(row, column);
                    i32 accumulator[VECTOR];
                    GLASS_UNROLL
                    for (int i = 0; i < VECTOR; i++) accumulator[i] = own[((first + i) % 16) * 4 + half * 2 + (first + i) / 16];
                    const auto beside = load_shared<Vec<i8, 16>>(place);
                    const Vec<f32, 16> cast7 = convert_all<f32>(beside);
                    Vec<i8, 16> place_11;
                    GLASS_UNROLL
                    for (int lane = 0; lane < 16; ++lane) {
                        const f32 cast1 = convert<f32>(accumulator[lane]);
                        const f32 mul_3 = cast1 * along.x2_2[lane];
                        const f32 add_5 = mul_3 + along.x3_4[lane];
                        const f32 add_8 = add_5 + cast7[lane];
                        const f32 max_9 = m_max(add_8, 0x0p+0f);
                        const i8 cast10 = convert<i8>(max_9);
                        place_11[lane] = cast10;
                    }
                    store_shared(place, place_11);
                }
            }
        fence_proxy_async();
        named_barrier_sync(1 + warp_id() / 4, 128);
        if (leads) {
            tma_store_2d(first_map, buffer, first_column, first_row);
            tma_store_commit();
        }
    };
    auto finish_second = [&](const i32* own, int first_column, int first_row) {
        constexpr int VECTOR = 16, N = 48;
        const unsigned char* const columns = shared + 117248;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x6_2;
            Vec<f32, 16> x7_4;
        };
        unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
        barrier_wait(ready[count % BUFFERS], count / BUFFERS & 1);  // the residual is there, or the buffer is free
            const int column = lane % 4 * 16;  // of the thread's run of columns
            const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 144);
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                unsigned char* const place = buffer + in_second(row, column);
                i32 accumulator[VECTOR];
                GLASS_UNROLL
                for (int i = 0; i < VECTOR; i++) accumulator[i] = own[(i % 8) * 4 + half * 2 + i / 8];
                Vec<i8, 16> place_8;
                GLASS_UNROLL
                for (int lane = 0; lane < 16; ++lane) {
                    const f32 cast1 = convert<f32>(accumulator[lane]);
                    const f32 mul_3 = cast1 * along.x6_2[lane];
                    const f32 add_5 = mul_3 + along.x7_4[lane];
                    const f32 max_6 = m_max(add_5, 0x0p+0f);
                    const i8 cast7 = convert<i8>(max_6);
                    place_8[lane] = cast7;
                }
                store_shared(place, place_8);
            }
        fence_proxy_async();
        named_barrier_sync(1 + warp_id() / 4, 128);
        if (leads) {
            tma_store_2d(second_map, buffer, first_column, first_row);
            tma_store_commit();
        }
    };
    int index = group;  // of the tile of A
    for (int tile = block_x(); tile < tiles; tile += grid_x()) {
        const int row = tile * BLOCK_M + group * 64;
        const int stage = index % STAGES;
        barrier_wait(a_full[stage], index / STAGES & 1);
        index += 2;
        i32 sum[32];  // uninitialised: the first product of a tile overwrites them
        #pragma unroll 1
        for (int chunk = 0; chunk < 2; chunk++) {
            barrier_wait(first_full[chunk], 0);
            i32 part[64];
            const int weights = chunk * SLOT;
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 3; step++) {
                wgmma(part, wgmma_step(a_view, stage * A_TILE + step * 32), wgmma_step(first_view, weights + step * 32), step > 0, i8{}, i8{});
            }
            wgmma_commit();
            wgmma_wait<0>();
            wgmma_take(part);
            if (lane == 0 && chunk == 1) barrier_arrive(a_empty[stage]);
            const u64 made = wgmma_step(chunk_view, count % BUFFERS * BUFFER);
            finish_first(part, chunk * 128, row);
            barrier_wait(second_full[chunk], 0);
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 4; step++) {
                wgmma(sum, wgmma_step(made, step * 32), wgmma_step(second_view, weights + step * 32), chunk > 0 || step > 0, i8{}, i8{});
            }
            wgmma_commit();
            if (leads) {
                tma_store_wait_read<1>();
                if (count > 0) barrier_arrive(gone[(count - 1) % BUFFERS]);
            }
            count++;
        }
        wgmma_wait<0>();
        wgmma_take(sum);
        finish_second(sum, 0, row);
            if (leads) {
                tma_store_wait_read<1>();
                if (count > 0) barrier_arrive(gone[(count - 1) % BUFFERS]);
            }
            count++;
    }
    if (leads) tma_store_wait<0>();
}
