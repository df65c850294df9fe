// k_conv_add_relu_2b38df18: conv, add, relu, cast, conv, add, cast
//
// Inverted residual. A block computes 8 x 16 outputs of an image, from a patch of 12 x 18 pixels of it in shared memory: 32 channels at a
// time are convolved there, and added to the projection, whose sums are in registers. Weights of two chunks are under way.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int THREADS = 256;
constexpr int TILE_HEIGHT = 8, TILE_WIDTH = 16;  // outputs of a tile
constexpr int PATCH_WIDTH = 18, PIXELS = 216;  // pixels of a line of the patch, and of all of it
constexpr int CHUNK = 32;  // expanded channels
constexpr int WIDE = 80;  // bytes from pixel to pixel of a chunk
constexpr int TAPS = 15, CHANNELS = 160;  // of the window; expanded channels of a block, in whole chunks

GLASS_KERNEL(THREADS, 1) k_conv_add_relu_2b38df18(Input<f16> x0, Input<f16> x1, Input<f32> x2, Input<f16> x3, Input<f32> x4, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int lane = lane_id(), warp = warp_id();
    const int tiles = 2 * 2;
    unsigned char* const expanded = shared + 0;
    unsigned char* const convolved = shared + 17280;
    unsigned char* const weights = shared + 27520;
    unsigned char* const taps = shared + 32640;
    pdl_wait();
    {
    #pragma unroll 4
    for (int item = thread_x(); item < CHANNELS * TAPS; item += THREADS) {
        const int channel = item / TAPS, tap = item % TAPS;
        f16 own = f16();
        if (channel < 136) own = load(x1, item);
        store_shared(taps + (tap * CHANNELS + channel) * 2, own);
    }
    }
    // Weights of a chunk: lines of the expansion, and those of the projection, as [column][channel].
    auto bring_weights = [&](int own_chunk, int slot) {
        const int chunk_channel = own_chunk * CHUNK;
        unsigned char* const to = weights + slot * 2560;
        if (thread_x() < 32 * 4) {
            const int n = thread_x() / 4, piece = thread_x() % 4;
            // Columns of a pair of products are in an order in which those of a thread are neighbours.
            const int line = n / 16 * 16 + n / 2 % 2 * 8 + n % 16 / 4 * 2 + n % 2;
            const bool inside = n < 24 && chunk_channel + piece * 8 < 136;
            cp_async<16>(to + 0 + line * WIDE + piece * 16, x3, inside ? Offset(n) * 136 + chunk_channel + piece * 8 : 0, inside);
        }
        cp_async_commit();
    };
    // The patch of a tile: a chunk of its channels; zeros beyond the image, and behind the last channel.
    auto bring_patch = [&](int tile, int own_chunk) {
        if (tile >= tiles) return;
        const int chunk_channel = own_chunk * CHUNK;
        const int image = tile / 2;
        const int top = tile / 1 % 2 * (TILE_HEIGHT) - 2;
        const int left = tile % 1 * (TILE_WIDTH) - 1;
        const Offset origin = Offset(image) * 24752 + Offset(top) * 1904 + Offset(left) * 136;
        for (int item = thread_x(); item < 216 * 4; item += THREADS) {
            const int pixel = item / 4, piece = item % 4, y = pixel / PATCH_WIDTH, x = pixel % PATCH_WIDTH;
            const bool inside = u32(top + y) < 13u && u32(left + x) < 14u && chunk_channel + piece * 8 < 136;
            const Offset element = origin + Offset(y) * 1904 + Offset(x) * 136 + chunk_channel + piece * 8;
            cp_async<16>(expanded + pixel * WIDE + piece * 16, x0, inside ? element : 0, inside);
        }
        cp_async_commit();
    };
    bring_weights(0, 0);
    bring_patch(block_x(), 0);
    int count = 0;  // of the chunks of the block
    #pragma unroll 1
    for (int tile = block_x(); tile < tiles; tile += grid_x()) {
        const int image = tile / 2;
        const int first_y = tile / 1 % 2 * TILE_HEIGHT, first_x = tile % 1 * TILE_WIDTH;
            f32 total[1][4][4] = {};
        cp_async_wait<0>();
        sync_threads();
        #pragma unroll 1
        for (int own_chunk = 0; own_chunk < 5; own_chunk++) {
            const unsigned char* const own_weights = weights + count % 2 * 2560;
            const int chunk_channel = own_chunk * CHUNK;
            if (own_chunk < 4 || tile + grid_x() < tiles) bring_weights(own_chunk == 4 ? 0 : own_chunk + 1, (count + 1) % 2);
            {
                    using Word = Vec<f16, 2>;
                    const int word = thread_x() % 16;  // the thread's, in all its strips
                    if (thread_x() < 128) {
                    struct Along {
                        Vec<f32, 2> x2_1;
                    };
                    Along along_all[1] = {};
                    const int n = chunk_channel + word * 2;
                    Along& along = along_all[0];
                    if (n < 136) {
                        along.x2_1 = load_wide<2>(x2, n);
                    }
                    Vec<f32, 2> weight[TAPS];
                    GLASS_UNROLL
                    for (int tap = 0; tap < TAPS; tap++) {
                        const auto stored = load_shared<Vec<f16, 2>>(taps + (tap * CHANNELS + own_chunk * CHUNK) * 2 + word * 4);
                        GLASS_UNROLL
                        for (int lane = 0; lane < 2; lane++) weight[tap][lane] = convert<f32>(stored[lane]);
                    }
                const int strip = thread_x() / 16;
                const int own_y = strip / 4 * 4, own_x = strip % 4 * 4;
                const unsigned char* const from = expanded + (own_y * PATCH_WIDTH + own_x) * WIDE + word * 4;
                f32 sum[4][4][2] = {};
                GLASS_UNROLL
                for (int line = 0; line < 8; line++) {
                    f32 own[6][2];
                    GLASS_UNROLL
                    for (int column = 0; column < 6; column++) {
                        const auto read = load_shared<Word>(from + (line * PATCH_WIDTH + column) * WIDE);
                        GLASS_UNROLL
                        for (int lane = 0; lane < 2; lane++) own[column][lane] = convert<f32>(read[lane]);
                    }
                    GLASS_UNROLL
                    for (int row = 0; row < 4; row++) {
                        const int tap_line = line - row;
                        if (tap_line < 0 || tap_line >= 5) continue;
                        GLASS_UNROLL
                        for (int pixel = 0; pixel < 4; pixel++) {
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
                for (int row = 0; row < 4; row++) {
                    GLASS_UNROLL
                    for (int pixel = 0; pixel < 4; pixel++) {
                        unsigned char* const place = to + (row * TILE_WIDTH + pixel) * WIDE;
                        const auto& accumulator = sum[row][pixel];
                        if (chunk_channel + word * 2 < 136) {
                            const Along& along = along_all[0];
                            Vec<f16, 2> place_5;
                            GLASS_UNROLL
                            for (int lane = 0; lane < 2; ++lane) {
                                const f32 add_2 = accumulator[lane] + along.x2_1[lane];
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
            }
            sync_threads();
            if (own_chunk < 4) bring_patch(tile, own_chunk + 1);
            else bring_patch(tile + grid_x(), 0);
            {
                    const unsigned char* const rows = convolved + (warp * 16 + lane % 16) * WIDE + lane / 16 * 16;
                    const unsigned char* const columns = own_weights + 0 + (0 * 16 + lane / 16 * 8 + lane % 8) * WIDE + lane / 8 % 2 * 16;
                    GLASS_UNROLL
                    for (int step = 0; step < CHUNK * 2 / 32; step++) {
                        u32 a[1][4];
                        ldmatrix_x4(a[0], rows + step * 32);
                        GLASS_UNROLL
                        for (int j = 0; j < 2; j++) {
                            u32 own[4];
                            ldmatrix_x4(own, columns + j * (16 * WIDE) + step * 32);
                            const u32 even[2] = {own[0], own[1]}, odd[2] = {own[2], own[3]};
                            mma_m16n8k16(total[0][j * 2], a[0], even, f16{});
                            mma_m16n8k16(total[0][j * 2 + 1], a[0], odd, f16{});
                        }
                    }
            }
            if (own_chunk < 4) {
                cp_async_wait<0>();
                sync_threads();
            }
            count++;
        }
                    struct Along {
                        Vec<f32, 4> x4_1;
                    };
                    Along along_all[2] = {};
                    GLASS_UNROLL
                    for (int j = 0; j < 2; j++) {
                        const int n = (0 + j) * 16 + lane % 4 * 4;
                        Along& along = along_all[j];
                        if (n < 24) {
                            along.x4_1 = load_wide<4>(x4, n);
                        }
                    }
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int own = warp * 16 + half * 8 + lane / 4;
                const int y = first_y + own / TILE_WIDTH, x = first_x + own % TILE_WIDTH;
                if (y >= 13 || x >= 14) continue;
                const int m = (image * 13 + y) * 14 + x;
                GLASS_UNROLL
                for (int j = 0; j < 2; j++) {
                    const int n = (0 + j) * 16 + lane % 4 * 4;
                    if (n >= 24) continue;
                    const f32 accumulator[4] = {total[0][j * 2][half * 2], total[0][j * 2][half * 2 + 1], total[0][j * 2 + 1][half * 2], total[0][j * 2 + 1][half * 2 + 1]};
                            const Along& along = along_all[j];
                    Vec<f16, 4> y0_4;
                    GLASS_UNROLL
                    for (int lane = 0; lane < 4; ++lane) {
                        const f32 add_2 = accumulator[lane] + along.x4_1[lane];
                        const f16 cast3 = convert<f16>(add_2);
                        y0_4[lane] = cast3;
                    }
                    store_wide<4>(y0, n + m*24, y0_4);
                }
            }
    }
}
