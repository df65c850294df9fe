// k_conv_mul_add_relu_0fbca079: conv, cast, mul, add, relu, quantize, conv, cast, mul, add, dequantize, add, and 8 more
//
// A convolution and what multiplies its results on tensor cores (wgmma of i8 and i8, accumulators in i32): 3 warpgroups, each with
// tiles of 8 x 8 pixels, 64 columns of the convolution, then 256, 64 at a time, which are multiplied again to 64; weights stay.
#include "wgmma_integer.cuh"
using namespace glass;

constexpr int GROUPS = 3, CONSUMERS = 384;  // warpgroups that multiply, each tiles of its own; their threads
constexpr int STAGES = 6, PATCH = 7168, PITCH = 640;  // patches in shared memory; bytes of each, and of a line of its pixels
constexpr int A_TILE = PATCH;  // results of the convolution lie where its patch did
constexpr int B_TILE = 4096;  // bytes of the weights of a line of a tap
constexpr int SLOT = 8192, SECOND = 4096;  // bytes of the weights of a chunk of results, and where the second's begin
constexpr int BUFFERS = 2, BUFFER = 4096;  // chunks of results of a warpgroup there; bytes of each

// Where byte `at` of a row of a chunk lies, as bulk copies swizzle it and as products read it.
GLASS_DEVICE int in_head(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }
GLASS_DEVICE int in_first(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }
GLASS_DEVICE int in_second(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }

GLASS_KERNEL(512, 1) k_conv_mul_add_relu_0fbca079(Input<i8> x0, Input<i8> x1, Input<f32> x2, Input<f32> x3, Input<i8> x4, Input<f32> x5, Input<f32> x6, Input<i8> x7, Input<i8> x8, Input<f32> x9, Input<f32> x10, Output<i8> y0, Output<i8> y1, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP first_b_map, const GLASS_TENSOR_MAP first_map, const GLASS_TENSOR_MAP residual_map, const GLASS_TENSOR_MAP second_b_map, const GLASS_TENSOR_MAP second_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int tiles = 8;
    Barrier* const full = reinterpret_cast<Barrier*>(shared + 140672);  // a patch has been copied
    Barrier* const empty = full + STAGES;  // all warps of its warpgroup have read it, and the results that took its place
    Barrier* const weights = empty + STAGES;  // those of all taps are there
    Barrier* const turn = weights + 1;  // the warpgroup may take a patch
    Barrier* const first_full = turn + GROUPS;  // those of a chunk are, for either product
    Barrier* const second_full = first_full + 4;
    Barrier* const arrived = second_full + 4;  // the residual of a chunk is there
    Barrier* const left = arrived + GROUPS * BUFFERS;  // the results of a chunk have been read

    if (thread_x() == 0) {
        for (int stage = 0; stage < STAGES; stage++) {
            barrier_init(full[stage], 1);
            barrier_init(empty[stage], 4);
        }
        barrier_init(*weights, 1);
        for (int group = 0; group < GROUPS; group++) barrier_init(turn[group], 4);
        for (int chunk = 0; chunk < 4; chunk++) {
            barrier_init(first_full[chunk], 1);
            barrier_init(second_full[chunk], 1);
        }
        for (int buffer = 0; buffer < GROUPS * BUFFERS; buffer++) {
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
            for (int index = 0, tile; (tile = block_x() + index * (grid_x())) < tiles; index += 1) {
                const int place = tile;
                const int image = place / (2 * 2), in_image = place - image * (2 * 2);
                const int first_y = in_image / 2 * 8, first_x = in_image % 2 * 8;
                barrier_wait(empty[stage], parity);
                barrier_expect(full[stage], 6400);
                tma_load_4d(shared + stage * PATCH, a_map, full[stage], 0, first_x - 1, first_y - 1, image);
                stage = stage + 1 == STAGES ? 0 : stage + 1;
                parity ^= stage == 0;
            }
        }
        if (thread_x() == CONSUMERS + 32) {
            pdl_wait();
            const int first_column = 0;
            barrier_expect(*weights, 36864);
            #pragma unroll 1
            for (int k = 0; k < 9; k++) {
                tma_load_3d(shared + 43008 + k * B_TILE, b_map, *weights, k * 64, first_column / 8, 0);
            }
            auto copy_first = [&](int slot, int chunk) {
                barrier_expect(first_full[slot], 4096);
                tma_load_3d(shared + 79872 + slot * SLOT, first_b_map, first_full[slot], 0, chunk * 8, 0);
            };
            auto copy_second = [&](int slot, int chunk) {
                barrier_expect(second_full[slot], 4096);
                tma_load_3d(shared + 79872 + slot * SLOT + SECOND, second_b_map, second_full[slot], chunk * 64, 0, 0);
            };
            #pragma unroll 1
            for (int chunk = 0; chunk < 4; chunk++) {
                copy_first(chunk, chunk);
                copy_second(chunk, chunk);
            }
        }
        const int group = (warp_id() - CONSUMERS / 32 + 1) % 3;  // the first warp brings patches, each of the others the residual of a warpgroup
        if (warp_id() > CONSUMERS / 32 && group < GROUPS && lane_id() == 0) {
            pdl_wait();
            int at = group * BUFFERS;
            u32 parity = 1;  // of the phase in which the buffer was read last: the first wait ends at once
            for (int index = group, tile; (tile = block_x() + index * (grid_x())) < tiles; index += GROUPS) {
                const int place = tile;
                const int image = place / (2 * 2), in_image = place - image * (2 * 2);
                const int first_y = in_image / 2 * 8, first_x = in_image % 2 * 8;
                #pragma unroll 1
                for (int piece = 0; piece < 5; piece++) {
                    barrier_wait(left[at], parity);
                    if (piece < 4) {
                        barrier_expect(arrived[at], 4096);
                        tma_load_4d(shared + 112640 + at * BUFFER, residual_map, arrived[at], piece * 64, first_x, first_y, image);
                    } else {
                        barrier_arrive(arrived[at]);
                    }
                    at = at + 1 == (group + 1) * BUFFERS ? group * BUFFERS : at + 1;
                    parity ^= at == group * BUFFERS;
                }
            }
        }
        return;
    }
    registers_take<152>();
    const int lane = lane_id(), group = warp_id() / 4;
    unsigned char* const chunks = shared + 112640 + group * (BUFFERS * BUFFER);
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    // A row of a product is a pixel of the patch, eight of them a line; a tap moves all of them.
    const u64 patch_view = wgmma_tile<64>(shared, 16, PITCH), b_view = wgmma_tile<64>(shared + 43008);
    // Tiles in shared memory: of the results of the convolution, of the weights of a chunk, and of a chunk of results.
    const u64 a_view = wgmma_tile<64>(shared);
    const u64 first_view = wgmma_tile<64>(shared + 79872);
    const u64 second_view = wgmma_tile<64>(shared + 79872 + SECOND);
    const u64 chunk_view = wgmma_tile<64>(chunks);
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

        if (thread_x() < 64 / VECTOR) {
            Along along;
            const int n = thread_x() * VECTOR;
            read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 137216 + thread_x() * 144) = along;
        }
    }
    {
        constexpr int VECTOR = 16;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x5_2;
            Vec<f32, 16> x6_4;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x5_2 = load_wide<16>(x5, n);
            along.x6_4 = load_wide<16>(x6, n);
        };

        if (thread_x() < 256 / VECTOR) {
            Along along;
            const int n = thread_x() * VECTOR;
            read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 137792 + thread_x() * 144) = along;
        }
    }
    {
        constexpr int VECTOR = 16;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x9_2;
            Vec<f32, 16> x10_4;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x9_2 = load_wide<16>(x9, n);
            along.x10_4 = load_wide<16>(x10, n);
        };

        if (thread_x() < 64 / VECTOR) {
            Along along;
            const int n = thread_x() * VECTOR;
            read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 140096 + thread_x() * 144) = along;
        }
    }
    named_barrier_sync(4, CONSUMERS);
    int count = 0;  // of the warpgroup's chunks
    Barrier* const ready = arrived + group * BUFFERS;
    Barrier* const gone = left + group * BUFFERS;
    auto finish_head = [&](const i32* own, int first_column, unsigned char* buffer) {
        constexpr int VECTOR = 16;
        const unsigned char* const columns = shared + 137216;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x2_2;
            Vec<f32, 16> x3_4;
        };
            const int column = lane % 4 * 16;  // of the thread's run of columns
            const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 144);
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                unsigned char* const place = buffer + in_head(row, column);
                i32 accumulator[VECTOR];
                GLASS_UNROLL
                for (int i = 0; i < VECTOR; i++) accumulator[i] = own[(i % 8) * 4 + half * 2 + i / 8];
                Vec<f32, 16> place_7;
                GLASS_UNROLL
                for (int lane = 0; lane < 16; ++lane) {
                    const f32 cast1 = convert<f32>(accumulator[lane]);
                    const f32 mul_3 = cast1 * along.x2_2[lane];
                    const f32 add_5 = mul_3 + along.x3_4[lane];
                    const f32 div_6 = quotient_to_round(add_5, 0x1.9eb852p-1f, 0x1.3c0ca4p+0f, 0x1.238bbap-26f);
                    place_7[lane] = div_6;
                }
                store_shared(place, nearest_above_zero_all<i8>(place_7));
            }
    };
    auto finish_first = [&](const i32* own, int first_column, int x, int y, int image) {
        constexpr int VECTOR = 16;
        const unsigned char* const columns = shared + 137792;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x5_2;
            Vec<f32, 16> x6_4;
        };
        unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
        barrier_wait(ready[count % BUFFERS], count / BUFFERS & 1);  // the residual is there, or the buffer is free
            const int column = lane % 4 * 16;  // of the thread's run of columns
            const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 144);
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                unsigned char* const place = buffer + in_first(row, column);
                i32 accumulator[VECTOR];
                GLASS_UNROLL
                for (int i = 0; i < VECTOR; i++) accumulator[i] = own[(i % 8) * 4 + half * 2 + i / 8];
                const auto beside = load_shared<Vec<i8, 16>>(place);
                const Vec<f32, 16> cast7 = convert_all<f32>(beside);
                Vec<f32, 16> place_11;
                GLASS_UNROLL
                for (int lane = 0; lane < 16; ++lane) {
                    const f32 cast1 = convert<f32>(accumulator[lane]);
                    const f32 mul_3 = cast1 * along.x5_2[lane];
                    const f32 add_5 = mul_3 + along.x6_4[lane];
                    const f32 mul_8 = cast7[lane] * 0x1.7ae148p-2f;
                    const f32 add_9 = add_5 + mul_8;
                    const f32 div_10 = quotient_to_round(add_9, 0x1.9eb852p-1f, 0x1.3c0ca4p+0f, 0x1.238bbap-26f);
                    place_11[lane] = div_10;
                }
                store_shared(place, nearest_above_zero_all<i8>(place_11));
            }
        fence_proxy_async();
        named_barrier_sync(1 + warp_id() / 4, 128);
        if (leads) {
            tma_store_4d(first_map, buffer, first_column, x, y, image);
            tma_store_commit();
        }
    };
    auto finish_second = [&](const i32* own, int first_column, int x, int y, int image) {
        constexpr int VECTOR = 16;
        const unsigned char* const columns = shared + 140096;
        // Epilogue operands of 16 results that are the same in every row.
        struct Along {
            Vec<f32, 16> x9_2;
            Vec<f32, 16> x10_4;
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
                Vec<f32, 16> place_7;
                GLASS_UNROLL
                for (int lane = 0; lane < 16; ++lane) {
                    const f32 cast1 = convert<f32>(accumulator[lane]);
                    const f32 mul_3 = cast1 * along.x9_2[lane];
                    const f32 add_5 = mul_3 + along.x10_4[lane];
                    const f32 div_6 = quotient_to_round(add_5, 0x1.9eb852p-1f, 0x1.3c0ca4p+0f, 0x1.238bbap-26f);
                    place_7[lane] = div_6;
                }
                store_shared(place, nearest_above_zero_all<i8>(place_7));
            }
        fence_proxy_async();
        named_barrier_sync(1 + warp_id() / 4, 128);
        if (leads) {
            tma_store_4d(second_map, buffer, first_column, x, y, image);
            tma_store_commit();
        }
    };
    barrier_wait(*weights, 0);
    for (int index = group, tile; (tile = block_x() + index * (grid_x())) < tiles; index += GROUPS) {
        const int place = tile;
        const int image = place / (2 * 2), in_image = place - image * (2 * 2);
        const int first_y = in_image / 2 * 8, first_x = in_image % 2 * 8;
        const int stage = index % STAGES;
        barrier_wait(full[stage], index / STAGES & 1);
        {
            const u64 patch = wgmma_step(patch_view, stage * PATCH);
            i32 sum[1][32];  // uninitialised: the first product overwrites them
            wgmma_fence();
        GLASS_UNROLL
        for (int tap = 0; tap < 9; tap++) {
            const int at = tap / 3 * (1 * PITCH) + tap % 3 * 64;
            GLASS_UNROLL
            for (int step = 0; step < 2; step++) {
                wgmma(sum[0], wgmma_step(patch, at + step * 32), wgmma_step(b_view, tap * B_TILE + step * 32), tap > 0 || step > 0, i8{}, i8{});
            }
        }
            wgmma_commit();
            wgmma_wait<0>();
            wgmma_take(sum[0]);
            named_barrier_sync(1 + group, 128);  // all warps have read the patch
            finish_head(sum[0], 0, shared + stage * PATCH);
            fence_proxy_async();
            named_barrier_sync(1 + group, 128);  // all results are there
        }
        i32 sum[32];  // uninitialised: the first product of a tile overwrites them
        #pragma unroll 1
        for (int chunk = 0; chunk < 4; chunk++) {
            barrier_wait(first_full[chunk], 0);
            i32 part[32];
            const int weights = chunk * SLOT;
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 2; step++) {
                wgmma(part, wgmma_step(a_view, stage * A_TILE + step * 32), wgmma_step(first_view, weights + step * 32), step > 0, i8{}, i8{});
            }
            wgmma_commit();
            wgmma_wait<0>();
            wgmma_take(part);
            if (lane == 0 && chunk == 3) barrier_arrive(empty[stage]);
            const u64 made = wgmma_step(chunk_view, count % BUFFERS * BUFFER);
            finish_first(part, chunk * 64, first_x, first_y, image);
            barrier_wait(second_full[chunk], 0);
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 2; step++) {
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
        finish_second(sum, 0, first_x, first_y, image);
            if (leads) {
                tma_store_wait_read<1>();
                if (count > 0) barrier_arrive(gone[(count - 1) % BUFFERS]);
            }
            count++;
    }
    if (leads) tma_store_wait<0>();
}
