// k_conv_add_relu_0a645149: conv, add, cast, add, relu, cast
//
// Convolution on tensor cores (wgmma of f16 and f16, accumulators in f32) of patches of the image: 2 warpgroups,
// each with tiles of 8 x 16 pixels and 64 columns; 2 patches; weights stay.
#include "wgmma.cuh"
using namespace glass;

constexpr int GROUPS = 2, CONSUMERS = 256;  // warpgroups that multiply, each tiles of its own; their threads
constexpr int STAGES = 2, PATCH = 23552, PITCH = 2304;  // patches in shared memory; bytes of each, and of a line of its pixels
constexpr int B_TILE = 8192, BLOCK_N = 64;  // bytes of the weights of a line of a tap; columns
constexpr int CHUNK = 64, BUFFERS = 2, BUFFER = 8192;  // columns that leave together; chunks of a warpgroup in shared memory, bytes of each

GLASS_DEVICE int in_chunk(int row, int at) { return row * 128 + (at ^ (row & 7) << 4); }

GLASS_KERNEL(384, 1) k_conv_add_relu_0a645149(Input<f16> x0, Input<f16> x1, Input<f32> x2, Input<f32> x3, Input<f16> x4, Output<f16> y0, const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map, const GLASS_TENSOR_MAP result_map, const GLASS_TENSOR_MAP residual_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int tiles = 8;
    Barrier* const full = reinterpret_cast<Barrier*>(shared + 154240);  // a patch has been copied
    Barrier* const empty = full + STAGES;  // all warps of its warpgroup have read it
    Barrier* const turn = empty + STAGES;  // the warpgroup may multiply
    Barrier* const weights = turn + GROUPS;  // they are there
    Barrier* const arrived = weights + 1;  // the residual of a chunk is there
    Barrier* const left = arrived + GROUPS * BUFFERS;  // the results of a chunk have been read

    if (thread_x() == 0) {
        for (int stage = 0; stage < STAGES; stage++) {
            barrier_init(full[stage], 1);
            barrier_init(empty[stage], 4);
        }
        for (int group = 0; group < GROUPS; group++) barrier_init(turn[group], 4);
        barrier_init(*weights, 1);
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
                const int first_y = in_image / 2 * 8, first_x = in_image % 2 * 16;
                barrier_wait(empty[stage], parity);
                barrier_expect(full[stage], 23040);
                tma_load_4d(shared + stage * PATCH, a_map, full[stage], 0, first_x - 1, first_y - 1, image);
                stage = stage + 1 == STAGES ? 0 : stage + 1;
                parity ^= stage == 0;
            }
        }
        if (thread_x() == CONSUMERS + 32) {
            pdl_wait();
            const int first_column = 0;
            barrier_expect(*weights, 73728);
            #pragma unroll 1
            for (int k = 0; k < 9; k++) {
                tma_load_3d(shared + 47104 + k * B_TILE, b_map, *weights, k * 64, first_column / 8, 0);
            }
        }
        if (thread_x() == CONSUMERS + 64) {
            pdl_wait();
            const int first_column = 0;
            for (int index = 0, tile; (tile = block_x() + index * (grid_x())) < tiles; index += 1) {
                const int place = tile;
                const int image = place / (2 * 2), in_image = place - image * (2 * 2);
                const int first_y = in_image / 2 * 8, first_x = in_image % 2 * 16;
                const int group = index % GROUPS;
                int count = index / GROUPS * 2;  // of the warpgroup's chunks
                auto bring = [&](int column, int y, int x) {
                    const int at = group * BUFFERS + count % BUFFERS;
                    barrier_wait(left[at], ~(count / BUFFERS) & 1);
                    barrier_expect(arrived[at], 8192);
                    tma_load_4d(shared + 120832 + at * BUFFER, residual_map, arrived[at], first_column + column, x, y, image);
                    count++;
                };
                bring(0, first_y, first_x);
                bring(0, first_y, first_x + 8);
            }
        }
        return;
    }
    registers_take<232>();
    const int lane = lane_id(), group = warp_id() / 4;
    unsigned char* const chunks = shared + 120832 + group * (BUFFERS * BUFFER);
    const bool leads = thread_x() % 128 == 0;  // has the warpgroup's chunks stored
    // A row of a product is a pixel of the patch, eight of them a line; a tap moves all of them.
    const u64 a_view = wgmma_tile<128>(shared, 16, PITCH), b_view = wgmma_tile<128>(shared + 47104);
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
        *reinterpret_cast<Along*>(shared + 153600 + thread_x() * 48) = along;
    }
    named_barrier_sync(1 + GROUPS, CONSUMERS);
    int count = 0;  // of the warpgroup's chunks
    Barrier* const ready = arrived + group * BUFFERS;
    Barrier* const gone = left + group * BUFFERS;
    auto finish = [&](const f32* own, int first_column, int y, int x, int image) {
        const unsigned char* const columns = shared + 153600;
        unsigned char* const buffer = chunks + count % BUFFERS * BUFFER;
        barrier_wait(ready[count % BUFFERS], count / BUFFERS & 1);
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
                    const auto beside = load_shared<Vec<f16, 8>>(place);
                    Vec<f16, 8> place_8;
                    GLASS_UNROLL
                    for (int lane = 0; lane < 8; ++lane) {
                        const f32 add_2 = accumulator[lane] + along.x3_1[lane];
                        const f32 cast4 = convert<f32>(beside[lane]);
                        const f32 add_5 = add_2 + cast4;
                        const f32 max_6 = m_max(add_5, 0x0p+0f);
                        const f16 cast7 = convert<f16>(max_6);
                        place_8[lane] = cast7;
                    }
                    store_shared(place, place_8);
                }
            }
        fence_proxy_async();
        named_barrier_sync(1 + group, 128);
        if (leads) {
            tma_store_4d(result_map, buffer, origin + first_column, x, y, image);
            tma_store_commit();
            tma_store_wait_read<1>();
            if (count > 0) barrier_arrive(gone[(count - 1) % BUFFERS]);
        }
        count++;
    };
    barrier_wait(*weights, 0);
    for (int index = group, tile; (tile = block_x() + index * (grid_x())) < tiles; index += GROUPS) {
        const int place = tile;
        const int image = place / (2 * 2), in_image = place - image * (2 * 2);
        const int first_y = in_image / 2 * 8, first_x = in_image % 2 * 16;
        const int stage = index % STAGES;
        barrier_wait(full[stage], index / STAGES & 1);
        // One after the other, so that others finish meanwhile.
        barrier_wait(turn[group], group == 0 ? ~(index / GROUPS) & 1 : index / GROUPS & 1);
        const u64 patch = wgmma_step(a_view, stage * PATCH);
        f32 sum[2][BLOCK_N / 2];  // uninitialised: the first product of a tile overwrites them
        wgmma_fence();
        GLASS_UNROLL
        for (int tap = 0; tap < 9; tap++) {
            const int at = tap / 3 * (1 * PITCH) + tap % 3 * 128;
            GLASS_UNROLL
            for (int step = 0; step < 4; step++) {
                wgmma(sum[0], wgmma_step(patch, at + step * 32), wgmma_step(b_view, tap * B_TILE + step * 32), tap > 0 || step > 0, f16{}, f16{});
                wgmma(sum[1], wgmma_step(patch, at + 1024 + step * 32), wgmma_step(b_view, tap * B_TILE + step * 32), tap > 0 || step > 0, f16{}, f16{});
            }
        }
        wgmma_commit();
        if (lane == 0) barrier_arrive(turn[group + 1 == GROUPS ? 0 : group + 1]);
        wgmma_wait<0>();
        wgmma_take(sum[0]);
        wgmma_take(sum[1]);
        if (lane == 0) barrier_arrive(empty[stage]);
        finish(sum[0], 0, first_y, first_x, image);
        finish(sum[1], 0, first_y, first_x + 8, image);
    }
    if (leads) tma_store_wait<0>();
}
