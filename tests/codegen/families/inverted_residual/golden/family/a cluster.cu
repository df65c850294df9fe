// k_conv_add_relu_46287ccd: conv, add, relu, cast, conv, add, relu, cast, conv, add, cast, add, and 1 more
//
// Inverted residual. A block computes 4 x 8 outputs of an image, from a patch of 9 x 10 pixels of it in shared memory: 32 channels at a
// time are expanded there, convolved there, and added to the projection, whose sums are in registers. Weights stay.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int THREADS = 128;
constexpr int TILE_HEIGHT = 4, TILE_WIDTH = 8;  // outputs of a tile
constexpr int PATCH_WIDTH = 10, PIXELS = 90;  // pixels of a line of the patch, and of all of it
constexpr int CHUNK = 32;  // expanded channels
constexpr int DEEP = 144;  // bytes from pixel to pixel of the patch
constexpr int WIDE = 80;  // bytes from pixel to pixel of a chunk
constexpr int TAPS = 9, CHANNELS = 64;  // of the window; expanded channels of a block, in whole chunks
constexpr int OWN_OUTPUTS = 8, SUMS_PITCH = 44;  // that a block of the cluster finishes, and from one to the next

GLASS_KERNEL(THREADS, 4) k_conv_add_relu_46287ccd(Input<f16> x0, Input<f16> x1, Input<f32> x2, Input<f16> x3, Input<f32> x4, Input<f16> x5, Input<f32> x6, Input<f16> x7, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int lane = lane_id(), warp = warp_id();
    const int tiles = 1 * 4;
    unsigned char* const expanded = shared + 13824;
    unsigned char* const convolved = shared + 21024;
    unsigned char* const weights = shared + 23584;
    unsigned char* const taps = shared + 40480;
    const int first_channel = cluster_rank() * CHANNELS;
    Barrier& sums_barrier = *reinterpret_cast<Barrier*>(shared + 41632);
    unsigned char* const sums = shared + 41648;
    const int own_outputs = m_max(0, m_min(OWN_OUTPUTS, 32 - cluster_rank() * OWN_OUTPUTS));
    if (thread_x() == 0) {
        barrier_init(sums_barrier, 1);
        barrier_fence_init();
        barrier_expect(sums_barrier, own_outputs * 640);
    }
    cluster_arrive();
    pdl_wait();
    {
    #pragma unroll 4
    for (int item = thread_x(); item < CHANNELS * TAPS; item += THREADS) {
        const int channel = item / TAPS, tap = item % TAPS;
        f16 own = f16();
        if (first_channel + channel < 136) own = load(x3, first_channel * TAPS + item);
        store_shared(taps + (tap * CHANNELS + channel) * 2, own);
    }
    }
    // Weights of a chunk: lines of the expansion, and those of the projection, as [column][channel].
    auto bring_weights = [&](int own_chunk, int slot) {
        const int chunk_channel = first_channel + own_chunk * CHUNK;
        unsigned char* const to = weights + slot * 8448;
        {
        for (int item = thread_x(); item < CHUNK * 8; item += THREADS) {
            const int line = item / 8, piece = item % 8, n = chunk_channel + line;
            const bool inside = n < 136;
            cp_async<16>(to + line * DEEP + piece * 16, x1, inside ? Offset(n) * 64 + piece * 8 : 0, inside);
        }
        }
        for (int item = thread_x(); item < 48 * 4; item += THREADS) {
            const int n = item / 4, piece = item % 4;
            // Columns of a pair of products are in an order in which those of a thread are neighbours.
            const int line = n / 16 * 16 + n / 2 % 2 * 8 + n % 16 / 4 * 2 + n % 2;
            const bool inside = n < 40 && chunk_channel + piece * 8 < 136;
            cp_async<16>(to + 4608 + line * WIDE + piece * 16, x5, inside ? Offset(n) * 136 + chunk_channel + piece * 8 : 0, inside);
        }
        cp_async_commit();
    };
    // The patch of a tile; zeros beyond the image, and behind the last channel.
    auto bring_patch = [&](int tile) {
        const int image = tile / 4;
        const int top = tile / 2 % 2 * (TILE_HEIGHT * 2) - 1;
        const int left = tile % 2 * (TILE_WIDTH) - 1;
        const Offset origin = Offset(image) * 12544 + Offset(top) * 896 + Offset(left) * 64;
        for (int item = thread_x(); item < 96 * 8; item += THREADS) {
            const int pixel = item / 8, piece = item % 8, y = pixel / PATCH_WIDTH, x = pixel % PATCH_WIDTH;
            const bool inside = u32(top + y) < 14u && u32(left + x) < 14u && pixel < PIXELS;
            const Offset element = origin + Offset(y) * 896 + Offset(x) * 64 + piece * 8;
            cp_async<16>(shared + pixel * DEEP + piece * 16, x0, inside ? element : 0, inside);
        }
        cp_async_commit();
    };
    GLASS_UNROLL
    for (int own_chunk = 0; own_chunk < 2; own_chunk++) bring_weights(own_chunk, own_chunk);
    const int tile = block_x() / 4;
    bring_patch(tile);
    const int image = tile / 4;
    const int first_y = tile / 2 % 2 * TILE_HEIGHT, first_x = tile % 2 * TILE_WIDTH;
        f32 total[1][4][4] = {};
    cp_async_wait<0>();
    sync_threads();
    #pragma unroll 1
    for (int own_chunk = 0; own_chunk < 2; own_chunk++) {
        const unsigned char* const own_weights = weights + own_chunk * 8448;
        const int chunk_channel = first_channel + own_chunk * CHUNK;
        {
                struct Along {
                    Vec<f32, 2> x2_1;
                };
                Along along_all[4] = {};
                GLASS_UNROLL
                for (int j = 0; j < 4; j++) {
                    const int n = chunk_channel + j * 8 + lane % 4 * 2;
                    Along& along = along_all[j];
                    if (n < 136) {
                        along.x2_1 = load_wide<2>(x2, n);
                    }
                }
                using Pair = Vec<f16, 2>;
                const unsigned char* const rows = shared + lane % 16 * DEEP + lane / 16 * 16;
                const unsigned char* const columns = own_weights + (lane / 16 * 8 + lane % 8) * DEEP + lane / 8 % 2 * 16;
                u32 held[4][CHUNK / 16][4];  // of all steps, for all rows
                GLASS_UNROLL
                for (int step = 0; step < 4; step++) {
                    GLASS_UNROLL
                    for (int j = 0; j < CHUNK / 16; j++) ldmatrix_x4(held[step][j], columns + j * (16 * DEEP) + step * 32);
                }
            #pragma unroll 1
            for (int row_tile = warp; row_tile < 6; row_tile += 4) {
                f32 sum[CHUNK / 8][4] = {};
                GLASS_UNROLL
                for (int step = 0; step < 4; step++) {
                    u32 a[4];
                    ldmatrix_x4(a, rows + row_tile * (16 * DEEP) + step * 32);
                    GLASS_UNROLL
                    for (int j = 0; j < CHUNK / 16; j++) {
                        const auto& pair = held[step][j];
                        const u32 even[2] = {pair[0], pair[1]}, odd[2] = {pair[2], pair[3]};
                        mma_m16n8k16(sum[j * 2], a, even, f16{});
                        mma_m16n8k16(sum[j * 2 + 1], a, odd, f16{});
                    }
                }
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    const int pixel = row_tile * 16 + half * 8 + lane / 4;
                    if (pixel >= PIXELS) continue;
                    const int y = first_y * 2 - 1 + pixel / PATCH_WIDTH;
                    const int x = first_x - 1 + pixel % PATCH_WIDTH;
                    const bool inside = u32(y) < 14u && u32(x) < 14u;
                    unsigned char* const line = expanded + pixel * WIDE + lane % 4 * 4;
                    GLASS_UNROLL
                    for (int j = 0; j < CHUNK / 8; j++) {
                        unsigned char* const place = line + j * 16;
                        const f32 accumulator[2] = {sum[j][half * 2], sum[j][half * 2 + 1]};
                        {
                            const Along& along = along_all[j];
                            Vec<f16, 2> place_5;
                            GLASS_UNROLL
                            for (int lane = 0; lane < 2; ++lane) {
                                const f32 add_2 = accumulator[lane] + along.x2_1[lane];
                                const f32 max_3 = m_max(add_2, 0x0p+0f);
                                const f16 cast4 = convert<f16>(max_3);
                                place_5[lane] = cast4;
                            }
                            store_shared(place, place_5);
                        }
                        if (chunk_channel + j * 8 + lane % 4 * 2 >= 136) store_shared(place, Pair{});
                    }
                    if (!inside) {  // what the window finds beyond the edges
                        GLASS_UNROLL
                        for (int j = 0; j < CHUNK / 8; j++) store_shared(line + j * 16, Pair{});
                    }
                }
            }
        }
        sync_threads();
        {
                using Word = Vec<f16, 2>;
                const int word = thread_x() % 16;  // the thread's, in all its strips
                struct Along {
                    Vec<f32, 2> x4_1;
                };
                Along along_all[1] = {};
                const int n = chunk_channel + word * 2;
                Along& along = along_all[0];
                if (n < 136) {
                    along.x4_1 = load_wide<2>(x4, n);
                }
                Vec<f32, 2> weight[TAPS];
                GLASS_UNROLL
                for (int tap = 0; tap < TAPS; tap++) {
                    const auto stored = load_shared<Vec<f16, 2>>(taps + (tap * CHANNELS + own_chunk * CHUNK) * 2 + word * 4);
                    GLASS_UNROLL
                    for (int lane = 0; lane < 2; lane++) weight[tap][lane] = convert<f32>(stored[lane]);
                }
            const int strip = thread_x() / 16;
            const int own_y = strip / 4 * 2, own_x = strip % 4 * 2;
            const unsigned char* const from = expanded + (own_y * 2 * PATCH_WIDTH + own_x) * WIDE + word * 4;
            f32 sum[2][2][2] = {};
            GLASS_UNROLL
            for (int line = 0; line < 5; line++) {
                f32 own[4][2];
                GLASS_UNROLL
                for (int column = 0; column < 4; column++) {
                    const auto read = load_shared<Word>(from + (line * PATCH_WIDTH + column) * WIDE);
                    GLASS_UNROLL
                    for (int lane = 0; lane < 2; lane++) own[column][lane] = convert<f32>(read[lane]);
                }
                GLASS_UNROLL
                for (int row = 0; row < 2; row++) {
                    const int tap_line = line - row * 2;
                    if (tap_line < 0 || tap_line >= 3) continue;
                    GLASS_UNROLL
                    for (int pixel = 0; pixel < 2; pixel++) {
                        GLASS_UNROLL
                        for (int tap = 0; tap < 3; tap++) {
                            GLASS_UNROLL
                            for (int lane = 0; lane < 2; lane++) {
                                auto& total = sum[row][pixel][lane];
                                total = m_fma(own[pixel + tap][lane], weight[tap_line * 3 + tap][lane], total);
                            }
                        }
                    }
                }
            }
            unsigned char* const to = convolved + (own_y * TILE_WIDTH + own_x) * WIDE + word * 4;
            GLASS_UNROLL
            for (int row = 0; row < 2; row++) {
                GLASS_UNROLL
                for (int pixel = 0; pixel < 2; pixel++) {
                    unsigned char* const place = to + (row * TILE_WIDTH + pixel) * WIDE;
                    const auto& accumulator = sum[row][pixel];
                    if (chunk_channel + word * 2 < 136) {
                        const Along& along = along_all[0];
                        Vec<f16, 2> place_5;
                        GLASS_UNROLL
                        for (int lane = 0; lane < 2; ++lane) {
                            const f32 add_2 = accumulator[lane] + along.x4_1[lane];
                            const f32 max_3 = m_max(add_2, 0x0p+0f);
                            const f16 cast4 = convert<f16>(max_3);
                            place_5[lane] = cast4;
                        }
                        store_shared(place, place_5);
                    } else {
                        store_shared(place, Vec<f16, 2>{});
                    }
                }
            }
        }
        sync_threads();
        {
                const unsigned char* const rows = convolved + (warp % 2 * 16 + lane % 16) * WIDE + lane / 16 * 16;
                const unsigned char* const columns = own_weights + 4608 + (warp / 2 * 2 * 16 + lane / 16 * 8 + lane % 8) * WIDE + lane / 8 % 2 * 16;
                GLASS_UNROLL
                for (int step = 0; step < CHUNK * 2 / 32; step++) {
                    u32 a[1][4];
                    ldmatrix_x4(a[0], rows + step * 32);
                    GLASS_UNROLL
                    for (int j = 0; j < 2; j++) {
                        if (warp / 2 * 2 + j < 3) {
                        u32 own[4];
                            ldmatrix_x4(own, columns + j * (16 * WIDE) + step * 32);
                            const u32 even[2] = {own[0], own[1]}, odd[2] = {own[2], own[3]};
                            mma_m16n8k16(total[0][j * 2], a[0], even, f16{});
                            mma_m16n8k16(total[0][j * 2 + 1], a[0], odd, f16{});
                        }
                    }
                }
        }
    }
    cluster_wait();
    GLASS_UNROLL
    for (int half = 0; half < 2; half++) {
        const int own = warp % 2 * 16 + half * 8 + lane / 4;
        unsigned char* const place = sums + ((cluster_rank() * OWN_OUTPUTS + own % OWN_OUTPUTS) * SUMS_PITCH + lane % 4 * 4) * 4;
        GLASS_UNROLL
        for (int j = 0; j < 2; j++) {
            const int column = (warp / 2 * 2 + j) * 16;
            const Vec<f32, 4> sent = {total[0][j * 2][half * 2], total[0][j * 2][half * 2 + 1], total[0][j * 2 + 1][half * 2], total[0][j * 2 + 1][half * 2 + 1]};
            if (column + lane % 4 * 4 < 40) cluster_store(place + column * 4, own / OWN_OUTPUTS, sums_barrier, sent);
        }
    }
    // Epilogue operands of 4 results that are the same in every row.
    struct Along {
        Vec<f32, 4> x6_3;
    };
    // Epilogue operands of 4 results of one row.
    struct Beside {
        Vec<f16, 4> x7_1;
    };
    bool arrived = false;
    if (thread_x() < own_outputs * 10) {
        const int output = thread_x() / 10, n = thread_x() % 10 * 4;
        const int own = cluster_rank() * OWN_OUTPUTS + output, y = first_y + own / TILE_WIDTH, x = first_x + own % TILE_WIDTH;
        const bool inside = y < 7 && x < 14;
        const int m = (image * 7 + y) * 14 + x;
        Along along = {};
        Beside beside = {};
        if (inside) {
            {
                along.x6_3 = load_wide<4>(x6, n);
            }
            {
                beside.x7_1 = load_wide<4>(x7, n + m*40);
            }
        }
        if (!arrived) barrier_wait(sums_barrier, 0);
        arrived = true;
        f32 accumulator[4] = {};
        GLASS_UNROLL
        for (int block = 0; block < 4; block++) {
            const auto sent = load_shared<Vec<f32, 4>>(sums + ((block * OWN_OUTPUTS + output) * SUMS_PITCH + n) * 4);
            GLASS_UNROLL
            for (int i = 0; i < 4; i++) accumulator[i] += sent[i];
        }
        if (inside) {
            Vec<f16, 4> y0_7;
            GLASS_UNROLL
            for (int lane = 0; lane < 4; ++lane) {
                const f32 cast2 = convert<f32>(beside.x7_1[lane]);
                const f32 add_4 = accumulator[lane] + along.x6_3[lane];
                const f32 add_5 = cast2 + add_4;
                const f16 cast6 = convert<f16>(add_5);
                y0_7[lane] = cast6;
            }
            store_wide<4>(y0, n + m*40, y0_7);
        }
    }
    if (!arrived) barrier_wait(sums_barrier, 0);  // what others send must find the block
}
