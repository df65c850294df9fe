// k_conv_mul_add_relu_90d8d536: conv, cast, mul, add, relu, quantize
//
// Convolution on tensor cores (wgmma of i8 and i8, accumulators in i32) of patches of the image: 2 warpgroups,
// each with tiles of 8 x 8 pixels and 64 columns; 4 patches; weights stay.
#include "wgmma_integer.cuh"
using namespace glass;

constexpr int GROUPS = 2, CONSUMERS = 256;  // warpgroups that multiply, each tiles of its own; their threads
constexpr int STAGES = 4, PATCH = 7168, PITCH = 640;  // patches in shared memory; bytes of each, and of a line of its pixels
constexpr int B_TILE = 4096, BLOCK_N = 64;  // bytes of the weights of a line of a tap; columns
constexpr int CHUNK = 64, BUFFERS = 2, BUFFER = 8192;  // columns that leave together; chunks of a warpgroup in shared memory, bytes of each

GLASS_DEVICE int in_chunk(int row, int at) { return row * 64 + (at ^ (row / 2 & 3) << 4); }

GLASS_KERNEL(384, 1) k_conv_mul_add_relu_90d8d536(Input<i8> x0, Input<i8> x1, Input<f32> x2, Input<f32> x3, Output<i8> y0, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP result_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int tiles = 12;
    Barrier* const full = reinterpret_cast<Barrier*>(shared + 98944);  // a patch has been copied
    Barrier* const empty = full + STAGES;  // all warps of its warpgroup have read it
    Barrier* const turn = empty + STAGES;  // the warpgroup may multiply
    Barrier* const weights = turn + GROUPS;  // they are there

    if (thread_x() == 0) {
        for (int stage = 0; stage < STAGES; stage++) {
            barrier_init(full[stage], 1);
            barrier_init(empty[stage], 4);
        }
        for (int group = 0; group < GROUPS; group++) barrier_init(turn[group], 4);
        barrier_init(*weights, 1);

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
                tma_load_3d(shared + 28672 + k * B_TILE, b_map, *weights, k * 64, first_column / 8, 0);
            }
        }
        return;
    }
    registers_take<232>();
    const int lane = lane_id(), group = warp_id() / 4;
    unsigned char* const chunks = shared + 65536 + group * (BUFFERS * BUFFER);
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    // A row of a product is a pixel of the patch, eight of them a line; a tap moves all of them.
    const u64 a_view = wgmma_tile<64>(shared, 16, PITCH), b_view = wgmma_tile<64>(shared + 28672);
    const int origin = 0;
    pdl_wait();
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

    if (thread_x() < BLOCK_N / VECTOR) {
        Along along;
        const int n = origin + thread_x() * VECTOR;
        read_columns(n, along);
        *reinterpret_cast<Along*>(shared + 98304 + thread_x() * 144) = along;
    }
    named_barrier_sync(1 + GROUPS, CONSUMERS);
    int count = 0;  // of the warpgroup's chunks
    auto finish = [&](const i32* own, int first_column, int y, int x, int image) {
        const unsigned char* const columns = shared + 98304;
        unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
            const int column = lane % 4 * 16;  // of the thread's run of columns
            const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 144);
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                unsigned char* const place = buffer + in_chunk(row, column);
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
        fence_proxy_async();
        if (leads) tma_store_wait_read<BUFFERS - 2>();  // the buffer of the next chunk is free again
        named_barrier_sync(1 + group, 128);
        if (leads) {
            tma_store_4d(result_map, buffer, origin + first_column, x, y, image);
            tma_store_commit();
        }
        count++;
    };
    barrier_wait(*weights, 0);
    for (int index = group, tile; (tile = block_x() + index * (grid_x())) < tiles; index += GROUPS) {
        const int place = tile;
        const int image = place / (2 * 2), in_image = place - image * (2 * 2);
        const int first_y = in_image / 2 * 8, first_x = in_image % 2 * 8;
        const int stage = index % STAGES;
        barrier_wait(full[stage], index / STAGES & 1);
        // One after the other, so that others finish meanwhile.
        barrier_wait(turn[group], group == 0 ? ~(index / GROUPS) & 1 : index / GROUPS & 1);
        const u64 patch = wgmma_step(a_view, stage * PATCH);
        i32 sum[1][BLOCK_N / 2];  // uninitialised: the first product of a tile overwrites them
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
        if (lane == 0) barrier_arrive(turn[group + 1 == GROUPS ? 0 : group + 1]);
        wgmma_wait<0>();
        wgmma_take(sum[0]);
        if (lane == 0) barrier_arrive(empty[stage]);
        finish(sum[0], 0, first_y, first_x, image);
    }
    if (leads) tma_store_wait<0>();
}
