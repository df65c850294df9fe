// k_conv_add_sigmoid_a57469aa: conv, add, sigmoid, cast, conv, add, cast, add, cast
//
// A convolution and what multiplies its results on tensor cores (wgmma of f16 and f16, accumulators in f32): 2 warpgroups, each with
// tiles of 8 x 8 pixels, 32 columns of the convolution, then 128, 32 at a time; weights stay.
#include "wgmma.cuh"
using namespace glass;

constexpr int GROUPS = 2, CONSUMERS = 256;  // warpgroups that multiply, each tiles of its own; their threads
constexpr int STAGES = 4, PATCH = 13312, PITCH = 1280;  // patches in shared memory; bytes of each, and of a line of its pixels
constexpr int A_TILE = PATCH;  // results of the convolution lie where its patch did
constexpr int B_TILE = 4096;  // bytes of the weights of a line of a tap
constexpr int SLOT = 2048;  // bytes of the weights of a chunk of results
constexpr int BUFFERS = 2, BUFFER = 4096;  // chunks of results of a warpgroup there; bytes of each

// Where byte `at` of a row of a chunk lies, as bulk copies swizzle it and as products read it.
GLASS_DEVICE int in_head(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }
GLASS_DEVICE int in_first(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }

GLASS_KERNEL(384, 1) k_conv_add_sigmoid_a57469aa(Input<f16> x0, Input<f16> x1, Input<f32> x2, Input<f32> x3, Input<f16> x4, Input<f32> x5, Input<f32> x6, Input<f16> x7, Output<f16> y0, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP first_b_map, const GLASS_TENSOR_MAP first_map, const GLASS_TENSOR_MAP residual_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int tiles = 8;
    Barrier* const full = reinterpret_cast<Barrier*>(shared + 115648);  // a patch has been copied
    Barrier* const empty = full + STAGES;  // all warps of its warpgroup have read it, and the results that took its place
    Barrier* const weights = empty + STAGES;  // those of all taps are there
    Barrier* const turn = weights + 1;  // the warpgroup may take a patch
    Barrier* const first_full = turn + GROUPS;  // those of a chunk are, for either product
    Barrier* const arrived = first_full + 4;  // the residual of a chunk is there
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
                barrier_expect(full[stage], 12800);
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
                tma_load_4d(shared + 53248 + k * B_TILE, b_map, *weights, 0, k, first_column / 4, 0);
            }
            auto copy_first = [&](int slot, int chunk) {
                barrier_expect(first_full[slot], 2048);
                tma_load_3d(shared + 90112 + slot * SLOT, first_b_map, first_full[slot], 0, chunk * 8, 0);
            };
            #pragma unroll 1
            for (int chunk = 0; chunk < 4; chunk++) copy_first(chunk, chunk);
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
                for (int piece = 0; piece < 4; piece++) {
                    barrier_wait(left[at], parity);
                    barrier_expect(arrived[at], 4096);
                    tma_load_4d(shared + 98304 + at * BUFFER, residual_map, arrived[at], piece * 32, first_x, first_y, image);
                    at = at + 1 == (group + 1) * BUFFERS ? group * BUFFERS : at + 1;
                    parity ^= at == group * BUFFERS;
                }
            }
        }
        return;
    }
    registers_take<232>();
    const int lane = lane_id(), group = warp_id() / 4;
    unsigned char* const chunks = shared + 98304 + group * (BUFFERS * BUFFER);
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    // A row of a product is a pixel of the patch, eight of them a line; a tap moves all of them.
    const u64 patch_view = wgmma_tile<128>(shared, 16, PITCH), b_view = wgmma_tile(shared + 53248);
    // Tiles in shared memory: of the results of the convolution, of the weights of a chunk, and of a chunk of results.
    const u64 a_view = wgmma_tile<64>(shared);
    const u64 first_view = wgmma_tile<64>(shared + 90112);
    pdl_wait();
    {
        constexpr int VECTOR = 8;
        // Epilogue operands of 8 results that are the same in every row.
        struct Along {
            Vec<f32, 8> x3_1;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x3_1 = load_wide<8>(x3, n);
        };

        if (thread_x() < 32 / VECTOR) {
            Along along;
            const int n = thread_x() * VECTOR;
            read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 114688 + thread_x() * 48) = along;
        }
    }
    {
        constexpr int VECTOR = 8;
        // Epilogue operands of 8 results that are the same in every row.
        struct Along {
            Vec<f32, 8> x6_1;
        };
        auto read_columns = [&](int n, Along& along) {
            along.x6_1 = load_wide<8>(x6, n);
        };

        if (thread_x() < 128 / VECTOR) {
            Along along;
            const int n = thread_x() * VECTOR;
            read_columns(n, along);
            *reinterpret_cast<Along*>(shared + 114880 + thread_x() * 48) = along;
        }
    }
    named_barrier_sync(3, CONSUMERS);
    int count = 0;  // of the warpgroup's chunks
    Barrier* const ready = arrived + group * BUFFERS;
    Barrier* const gone = left + group * BUFFERS;
    auto finish_head = [&](const f32* own, int first_column, unsigned char* buffer) {
        constexpr int VECTOR = 8;
        const unsigned char* const columns = shared + 114688;
        // Epilogue operands of 8 results that are the same in every row.
        struct Along {
            Vec<f32, 8> x3_1;
        };
            const int column = lane % 4 * 8;  // of the thread's run of columns
            const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 48);
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                unsigned char* const place = buffer + in_head(row, column * 2);
                f32 accumulator[VECTOR];
                GLASS_UNROLL
                for (int i = 0; i < VECTOR; i++) accumulator[i] = own[(i % 4) * 4 + half * 2 + i / 4];
                Vec<f16, 8> place_5;
                GLASS_UNROLL
                for (int lane = 0; lane < 8; ++lane) {
                    const f32 add_2 = accumulator[lane] + along.x3_1[lane];
                    const f32 short_sigmoid_3 = m_short_sigmoid(add_2);
                    const f16 cast4 = convert<f16>(short_sigmoid_3);
                    place_5[lane] = cast4;
                }
                store_shared(place, place_5);
            }
    };
    auto finish_first = [&](const f32* own, int first_column, int x, int y, int image) {
        constexpr int VECTOR = 8;
        const unsigned char* const columns = shared + 114880;
        // Epilogue operands of 8 results that are the same in every row.
        struct Along {
            Vec<f32, 8> x6_1;
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
                Vec<f16, 8> place_7;
                GLASS_UNROLL
                for (int lane = 0; lane < 8; ++lane) {
                    const f32 add_2 = accumulator[lane] + along.x6_1[lane];
                    const f32 cast4 = convert<f32>(beside[lane]);
                    const f32 add_5 = add_2 + cast4;
                    const f16 cast6 = convert<f16>(add_5);
                    place_7[lane] = cast6;
                }
                store_shared(place, place_7);
            }
        fence_proxy_async();
        named_barrier_sync(1 + warp_id() / 4, 128);
        if (leads) {
            tma_store_4d(first_map, buffer, first_column, x, y, image);
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
            f32 sum[1][16];  // uninitialised: the first product overwrites them
            wgmma_fence();
        GLASS_UNROLL
        for (int tap = 0; tap < 9; tap++) {
            const int at = tap / 3 * (1 * PITCH) + tap % 3 * 128;
            GLASS_UNROLL
            for (int step = 0; step < 3; step++) {
                wgmma(sum[0], wgmma_step(patch, at + step * 32), wgmma_step(b_view, tap * B_TILE + step * 32), tap > 0 || step > 0, f16{}, f16{});
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
        #pragma unroll 1
        for (int chunk = 0; chunk < 4; chunk++) {
            barrier_wait(first_full[chunk], 0);
            f32 part[16];
            const int weights = chunk * SLOT;
            wgmma_fence();
            GLASS_UNROLL
            for (int step = 0; step < 2; step++) {
                wgmma(part, wgmma_step(a_view, stage * A_TILE + step * 32), wgmma_step(first_view, weights + step * 32), step > 0, f16{}, f16{});
            }
            wgmma_commit();
            wgmma_wait<0>();
            wgmma_take(part);
            if (lane == 0 && chunk == 3) barrier_arrive(empty[stage]);
            finish_first(part, chunk * 32, first_x, first_y, image);
            if (leads) {
                tma_store_wait_read<1>();
                if (count > 0) barrier_arrive(gone[(count - 1) % BUFFERS]);
            }
            count++;
        }
    }
    if (leads) tma_store_wait<0>();
}
