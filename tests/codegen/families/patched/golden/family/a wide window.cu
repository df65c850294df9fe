// k_conv_add_relu_0bd892a9: conv, add, relu, cast
//
// Convolution on tensor cores (wgmma of bf16 and bf16, accumulators in f32) of patches of the image: 2 warpgroups,
// each with tiles of 16 x 8 pixels and 64 columns; 4 patches; weights stay.
#include "wgmma.cuh"
using namespace glass;

constexpr int GROUPS = 2, CONSUMERS = 256;  // warpgroups that multiply, each tiles of its own; their threads
constexpr int STAGES = 4, PATCH = 8192, PITCH = 384;  // patches in shared memory; bytes of each, and of a line of its pixels
constexpr int B_TILE = 2048, BLOCK_N = 64;  // bytes of the weights of a line of a tap; columns
constexpr int CHUNK = 64, BUFFERS = 2, BUFFER = 8192;  // columns that leave together; chunks of a warpgroup in shared memory, bytes of each

GLASS_DEVICE int in_chunk(int row, int at) { return row * 128 + (at ^ (row & 7) << 4); }

GLASS_KERNEL(384, 1) k_conv_add_relu_0bd892a9(Input<bf16> x0, Input<bf16> x1, Input<f32> x2, Input<f32> x3, Output<bf16> y0, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP result_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int tiles = 2;
    Barrier* const full = reinterpret_cast<Barrier*>(shared + 117376);  // a patch has been copied
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
                const int image = place / (1 * 1), in_image = place - image * (1 * 1);
                const int first_y = in_image / 1 * 16, first_x = in_image % 1 * 8;
                barrier_wait(empty[stage], parity);
                barrier_expect(full[stage], 7680);
                tma_load_4d(shared + stage * PATCH, a_map, full[stage], 0, first_x, first_y - 2, image);
                stage = stage + 1 == STAGES ? 0 : stage + 1;
                parity ^= stage == 0;
            }
        }
        if (thread_x() == CONSUMERS + 32) {
            pdl_wait();
            const int first_column = 0;
            barrier_expect(*weights, 51200);
            #pragma unroll 1
            for (int k = 0; k < 25; k++) {
                tma_load_3d(shared + 32768 + k * B_TILE, b_map, *weights, k * 16, first_column / 8, 0);
            }
        }
        return;
    }
    registers_take<232>();
    const int lane = lane_id(), group = warp_id() / 4;
    unsigned char* const chunks = shared + 83968 + group * (BUFFERS * BUFFER);
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    // A row of a product is a pixel of the patch, eight of them a line; a tap moves all of them.
    const u64 a_view = wgmma_tile<32>(shared, 16, PITCH), b_view = wgmma_tile<32>(shared + 32768);
    const int origin = 0;
    pdl_wait();
    constexpr int VECTOR = 8;
    // Epilogue operands of 8 results that are the same in every row.
    struct Along {
        Vec<f32, 8> x3_1;
    };
    auto read_columns = [&](int n, Along& along) {
        along.x3_1 = load_wide<8>(x3, n);
    };

    if (thread_x() < BLOCK_N / VECTOR) {
        Along along;
        const int n = origin + thread_x() * VECTOR;
        read_columns(n, along);
        *reinterpret_cast<Along*>(shared + 116736 + thread_x() * 48) = along;
    }
    named_barrier_sync(1 + GROUPS, CONSUMERS);
    int count = 0;  // of the warpgroup's chunks
    auto finish = [&](const f32* own, int first_column, int y, int x, int image) {
        const unsigned char* const columns = shared + 116736;
        unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
            GLASS_UNROLL
            for (int first = 0; first < 16; first += VECTOR) {
                const int column = lane % 4 * 16 + first;  // of the thread's run of columns
                const Along along = *reinterpret_cast<const Along*>(columns + (first_column + column) / VECTOR * 48);
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    const int row = warp_id() % 4 * 16 + half * 8 + lane / 4;
                    unsigned char* const place = buffer + in_chunk(row, column * 2);
                    f32 accumulator[VECTOR];
                    GLASS_UNROLL
                    for (int i = 0; i < VECTOR; i++) accumulator[i] = own[((first + i) % 8) * 4 + half * 2 + (first + i) / 8];
                    Vec<bf16, 8> place_5;
                    GLASS_UNROLL
                    for (int lane = 0; lane < 8; ++lane) {
                        const f32 add_2 = accumulator[lane] + along.x3_1[lane];
                        const f32 max_3 = m_max(add_2, 0x0p+0f);
                        const bf16 cast4 = convert<bf16>(max_3);
                        place_5[lane] = cast4;
                    }
                    store_shared(place, place_5);
                }
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
        const int image = place / (1 * 1), in_image = place - image * (1 * 1);
        const int first_y = in_image / 1 * 16, first_x = in_image % 1 * 8;
        const int stage = index % STAGES;
        barrier_wait(full[stage], index / STAGES & 1);
        // One after the other, so that others finish meanwhile.
        barrier_wait(turn[group], group == 0 ? ~(index / GROUPS) & 1 : index / GROUPS & 1);
        const u64 patch = wgmma_step(a_view, stage * PATCH);
        f32 sum[2][BLOCK_N / 2];  // uninitialised: the first product of a tile overwrites them
        wgmma_fence();
        GLASS_UNROLL
        for (int tap = 0; tap < 25; tap++) {
            const int at = tap / 5 * (1 * PITCH) + tap % 5 * 32;
            wgmma(sum[0], wgmma_step(patch, at), wgmma_step(b_view, tap * B_TILE), tap > 0 || 0 > 0, bf16{}, bf16{});
            wgmma(sum[1], wgmma_step(patch, at + 3072), wgmma_step(b_view, tap * B_TILE), tap > 0 || 0 > 0, bf16{}, bf16{});
        }
        wgmma_commit();
        if (lane == 0) barrier_arrive(turn[group + 1 == GROUPS ? 0 : group + 1]);
        wgmma_wait<0>();
        wgmma_take(sum[0]);
        wgmma_take(sum[1]);
        if (lane == 0) barrier_arrive(empty[stage]);
        finish(sum[0], 0, first_y, first_x, image);
        finish(sum[1], 0, first_y + 8, first_x, image);
    }
    if (leads) tma_store_wait<0>();
}
