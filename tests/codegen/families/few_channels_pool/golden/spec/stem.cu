// kernel: cast, conv, max_pool, add, relu, cast
//
// Convolution of 3 channels, and maxima of its outputs. A block walks down an image in bands of 16 lines of outputs. It brings
// the part of the image that a band reads to shared memory, with 4 elements for each pixel. A warp goes through its columns
// from right to left, two at a time, a unit; maxima leave it before anything else is computed of them.
#include "wgmma_registers.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Total = f32;
constexpr int THREADS = 128;
constexpr int UNITS = 3;  // of a warp, neighbours along the width
constexpr int BLOCK_N = 64, VECTOR = 8;  // output channels of a block; adjacent results of a thread
constexpr int VALUES = 16;  // sums of a thread for an output
constexpr int CHUNK = 8, PIXELS = 2, CHANNELS = 3;  // elements and pixels of 16 bytes; channels with numbers
constexpr int LINE_CHUNKS = 4, SLOTS = 28;  // chunks of a line of the window; of the whole window
constexpr int PATCH_LINES = 37, PATCH_CHUNKS = 29;  // of a band
constexpr int PITCH = 29, SLOT_PITCH = 64;  // chunks from line to line of the patch, from slot to slot of the weights
constexpr int LANES = 32;  // threads that bring a line of the patch together

using Chunk = Vec<f16, CHUNK>;
using WeightChunk = Vec<f16, CHUNK>;
using Carried = Vec<Total, 4>;

// The output channel of a column of the product: those of a thread, which lie eight columns apart, are neighbours.
GLASS_DEVICE int channel_of(int column) {
    return column / (4 * VECTOR) * (4 * VECTOR) + column % 8 / 2 * VECTOR + column % (4 * VECTOR) / 8 * 2 + column % 2;
}

GLASS_KERNEL(THREADS, 2) kernel(Input<f32> x0, Input<f16> x1, Input<f32> x2, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int first_n = block_y() * BLOCK_N;
    WeightChunk* const weights = reinterpret_cast<WeightChunk*>(shared);
    unsigned char* const patch = shared + 28672;
    Carried* const carried = reinterpret_cast<Carried*>(patch + 18560);  // the last line of the band above: [warp][unit][vector][lane]
    u32* const flags = reinterpret_cast<u32*>(patch + 21632);  // of two bands: an element is not finite
    if (thread_x() < 2) flags[thread_x()] = 0;
    pdl_wait();
    #pragma unroll 4
    for (int item = thread_x(); item < SLOTS * BLOCK_N; item += THREADS) {
        const int slot = item / BLOCK_N, filter = first_n + channel_of(item % BLOCK_N);
        const int chunk = slot;
        const Offset first = Offset(filter) * 147 + chunk / LINE_CHUNKS * 21;
        WeightChunk own = {};
        GLASS_UNROLL
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            const int place = chunk % LINE_CHUNKS * 2 + pixel - 1;
            const int tap = place;
            if (u32(tap) < 7u) {
                GLASS_UNROLL
                for (int channel = 0; channel < CHANNELS; channel++) own[pixel * 4 + channel] = load(x1, first + tap * 3 + channel);
            }
        }
        weights[slot * SLOT_PITCH + item % BLOCK_N] = own;
    }

    const int lane = lane_id(), warp = warp_id();
    const u64 weights_view = wgmma_rows(weights, SLOT_PITCH * 16, 128);
    // Of this lane: a line of outputs, and which matrix of a load.
    const unsigned char* const own_rows = patch + lane % 8 * 464 + (warp * UNITS + 1) * 32;
    const unsigned char* const own_rows0 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 32 : 48);

    // Epilogue operands of 8 results that are the same in every row.
    struct Along {
        Vec<f32, 8> x2_1;
    };
    Along along_all[2] = {};
    GLASS_UNROLL
    for (int part = 0; part < 2; part++) {
        const int n = first_n + part * (4 * VECTOR) + lane % 4 * VECTOR;
        Along& along = along_all[part];
        along.x2_1 = load_wide<8>(x2, n);
    }

    int parity = 0;
    for (int run = block_x(); run < 4; run += grid_x()) {
        const int first_column = run % 2 * 12;
        const int first_row = 0;
        const int image = run / 2;
        #pragma unroll 1
        for (int band = 0; band < 3; band++) {
            const int row = first_row + band * 8;  // the first unit
            if (row >= 15) break;
            const int first_x = first_column * 2 - 2, first_y = row * 2;
            sync_threads();  // the patch before has been read
            const int left = first_x * 2 - 4 + thread_x() % LANES * 2;
            const Offset origin = Offset(image) * 11520 + Offset(left);
            u32 spoil = 0;
            if (thread_x() == 0) flags[parity ^ 1] = 0;
            #pragma unroll 1
            for (int first_line = thread_x() / LANES; first_line < PATCH_LINES; first_line += 32) {
                Vec<u32, 2> lines[8][1][CHANNELS] = {};
                GLASS_UNROLL
                for (int number = 0; number < 8; number++) {
                    const int line = first_line + number * 4, y = first_y * 2 - 3 + line;
                    if (line >= PATCH_LINES) break;
                    auto& read = lines[number];
                    if (u32(y) < u32(60)) {
                        const Offset first = origin + Offset(y) * 64;
                        if (u32(left) < u32(64)) {
                            GLASS_UNROLL
                            for (int channel = 0; channel < CHANNELS; channel++) read[0][channel] = bit_cast<Vec<u32, 2>>(load_wide<PIXELS>(x0, first + Offset(channel) * 3840));
                        }
                    }
                }
                GLASS_UNROLL
                for (int number = 0; number < 8; number++) {
                    const int line = first_line + number * 4;
                    if (line >= PATCH_LINES) break;
                    auto& read = lines[number];
                    Chunk own = {};
                    GLASS_UNROLL
                    for (int pixel = 0; pixel < PIXELS; pixel++) {
                        GLASS_UNROLL
                        for (int channel = 0; channel < CHANNELS; channel++) own[pixel * 4 + channel] = convert<f16>(bit_cast<Vec<f32, PIXELS>>(read[0][channel])[pixel]);
                    }
                    const auto words = bit_cast<Vec<u32, 4>>(own);
                    GLASS_UNROLL
                    for (int word = 0; word < 4; word++) spoil = spoiled(spoil, words[word], f16{});
                    const int chunk = thread_x() % LANES;
                    if (chunk < PATCH_CHUNKS) reinterpret_cast<Chunk*>(patch)[(line % 4 * 10 + line / 4) * PITCH + chunk] = own;
                }
            }

            if (spoil != 0) flags[parity] = 1;

            fence_proxy_async();
            sync_threads();
            Total waiting[2][VALUES] = {};  // of two lines: maxima of a unit, for which the last column of the unit on its left is missing
            #pragma unroll 1
            for (int unit = UNITS - 1; unit >= -1; unit--) {
                // Left of a warp's units is the last column of the warp before it. At the image's edge the first warp takes its own again.
                const int own = warp > 0 || unit >= 0 || first_column > 0 ? unit : 0;
                {
                f32 sum[BLOCK_N / 2];  // uninitialised: the first product overwrites them
                u32 window[9][4];
                ldmatrix_x4(window[0], own_rows0 + own * 32 + 16);
                ldmatrix_x4(window[1], own_rows0 + own * 32 + 16 + 4640);
                ldmatrix_x4(window[2], own_rows0 + own * 32 + 16 + 9280);
                ldmatrix_x4(window[3], own_rows0 + own * 32 + 16 + 13920);
                ldmatrix_x4(window[4], own_rows0 + own * 32 + 16 + 464);
                ldmatrix_x4(window[5], own_rows0 + own * 32 + 16 + 5104);
                ldmatrix_x4(window[6], own_rows0 + own * 32 + 16 + 9744);
                ldmatrix_x4(window[7], own_rows0 + own * 32 + 16 + 14384);
                ldmatrix_x4(window[8], own_rows0 + own * 32 + 16 + 928);

                wgmma_fence();
                wgmma(sum, { window[0][0], window[2][0], window[0][1], window[2][1] }, wgmma_step(weights_view, 0), false, f16{}, f16{});
                wgmma(sum, { window[0][2], window[2][2], window[0][3], window[2][3] }, wgmma_step(weights_view, 2048), true, f16{}, f16{});
                wgmma(sum, { window[1][0], window[3][0], window[1][1], window[3][1] }, wgmma_step(weights_view, 4096), true, f16{}, f16{});
                wgmma(sum, { window[1][2], window[3][2], window[1][3], window[3][3] }, wgmma_step(weights_view, 6144), true, f16{}, f16{});
                wgmma(sum, { window[2][0], window[4][0], window[2][1], window[4][1] }, wgmma_step(weights_view, 8192), true, f16{}, f16{});
                wgmma(sum, { window[2][2], window[4][2], window[2][3], window[4][3] }, wgmma_step(weights_view, 10240), true, f16{}, f16{});
                wgmma(sum, { window[3][0], window[5][0], window[3][1], window[5][1] }, wgmma_step(weights_view, 12288), true, f16{}, f16{});
                wgmma(sum, { window[3][2], window[5][2], window[3][3], window[5][3] }, wgmma_step(weights_view, 14336), true, f16{}, f16{});
                wgmma(sum, { window[4][0], window[6][0], window[4][1], window[6][1] }, wgmma_step(weights_view, 16384), true, f16{}, f16{});
                wgmma(sum, { window[4][2], window[6][2], window[4][3], window[6][3] }, wgmma_step(weights_view, 18432), true, f16{}, f16{});
                wgmma(sum, { window[5][0], window[7][0], window[5][1], window[7][1] }, wgmma_step(weights_view, 20480), true, f16{}, f16{});
                wgmma(sum, { window[5][2], window[7][2], window[5][3], window[7][3] }, wgmma_step(weights_view, 22528), true, f16{}, f16{});
                wgmma(sum, { window[6][0], window[8][0], window[6][1], window[8][1] }, wgmma_step(weights_view, 24576), true, f16{}, f16{});
                wgmma(sum, { window[6][2], window[8][2], window[6][3], window[8][3] }, wgmma_step(weights_view, 26624), true, f16{}, f16{});
                wgmma_commit();
                wgmma_wait<0>();
                wgmma_take(sum);
                if (flags[parity]) {
                    GLASS_UNROLL
                    for (int j = 0; j < BLOCK_N / 8; j++) {
                        GLASS_UNROLL
                        for (int i = 0; i < 4; i++) sum[(j) * 4 + i] = 0;
                    }
                    #pragma unroll 1
                    for (int item = 0; item < 147; item++) {
                        const int tap_y = item / 21, y = tap_y;
                        const int pixel = item / CHANNELS % 7 + 1;
                        const int element = pixel % PIXELS * 4 + item % CHANNELS;
                        const int chunk = tap_y * LINE_CHUNKS + pixel / PIXELS;
                        const Chunk* const windows = reinterpret_cast<const Chunk*>(patch) + lane / 4 * PITCH + (warp * UNITS + own + 1) * 2 + 1 + pixel / PIXELS;
                        GLASS_UNROLL
                        for (int half = 0; half < 2; half++) {
                            const int below = y + half * 2;
                            const Chunk& window = windows[(below % 4 * 10 + below / 4) * PITCH];
                            GLASS_UNROLL
                            for (int j = 0; j < BLOCK_N / 8; j++) {
                                GLASS_UNROLL
                                for (int i = 0; i < 2; i++) {
                                    const f32 weight = convert<f32>(weights[chunk * SLOT_PITCH + j * 8 + lane % 4 * 2 + i][element]);
                                    sum[(j) * 4 + half * 2 + i] += convert<f32>(window[element]) * weight;
                                }
                            }
                        }
                    }
                }

                if (unit < UNITS - 1) {
                Total value[2][VALUES];
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    GLASS_UNROLL
                    for (int q = 0; q < VALUES; q++) value[half][q] = m_max(waiting[half][q], sum[(q / 2) * 4 + half * 2 + q % 2]);
                }
                    Total maximum[VALUES];
                    Total above[VALUES];
                    GLASS_UNROLL
                    for (int q = 0; q < VALUES; q++) above[q] = shuffle(value[1][q], lane + 28);  // the line above those of this lane, or the band's last
                    if (lane < 4) {
                        Carried* const last = carried + ((warp * UNITS + unit + 1) * 16 + lane);
                        GLASS_UNROLL
                        for (int k = 0; k < VALUES / 4; k++) {
                            Carried now, then = {};
                            if (band > 0) then = last[k * 4];
                            GLASS_UNROLL
                            for (int i = 0; i < 4; i++) {
                                now[i] = above[k * 4 + i];
                                above[k * 4 + i] = band > 0 ? then[i] : bit_cast<f32>(0xff800000u);
                            }
                            last[k * 4] = now;
                        }
                    }
                    GLASS_UNROLL
                    for (int q = 0; q < VALUES; q++) maximum[q] = m_max(m_max(value[0][q], value[1][q]), above[q]);
                    const int column = first_column + warp * UNITS + unit + 1, line = row + lane / 4;
                    const int x = column, y = line;
                    if (u32(x) < u32(16) && u32(y) < u32(15)) {
                        const int m = (image * 15 + y) * 16 + x;
                        GLASS_UNROLL
                        for (int part = 0; part < 2; part++) {
                            const int n = first_n + part * (4 * VECTOR) + lane % 4 * VECTOR;
                            f32 accumulator[VECTOR];
                            GLASS_UNROLL
                            for (int i = 0; i < VECTOR; i++) accumulator[i] = maximum[part * VECTOR + i];
                            const Along& along = along_all[part];
                            Vec<f16, 8> y0_5;
                            GLASS_UNROLL
                            for (int lane = 0; lane < 8; ++lane) {
                                const f32 add_2 = accumulator[lane] + along.x2_1[lane];
                                const f32 max_3 = m_max(add_2, 0x0p+0f);
                                const f16 cast4 = convert<f16>(max_3);
                                y0_5[lane] = cast4;
                            }
                            store_wide<8>(y0, n + m*64, y0_5);
                        }
                    }
                }
                if (unit < 0) break;
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    GLASS_UNROLL
                    for (int q = 0; q < VALUES; q++) waiting[half][q] = sum[(q / 2) * 4 + half * 2 + q % 2];
                }
                }
                {
                f32 sum[BLOCK_N / 2];  // uninitialised: the first product overwrites them
                u32 window[9][4];
                ldmatrix_x4(window[0], own_rows0 + own * 32);
                ldmatrix_x4(window[1], own_rows0 + own * 32 + 4640);
                ldmatrix_x4(window[2], own_rows0 + own * 32 + 9280);
                ldmatrix_x4(window[3], own_rows0 + own * 32 + 13920);
                ldmatrix_x4(window[4], own_rows0 + own * 32 + 464);
                ldmatrix_x4(window[5], own_rows0 + own * 32 + 5104);
                ldmatrix_x4(window[6], own_rows0 + own * 32 + 9744);
                ldmatrix_x4(window[7], own_rows0 + own * 32 + 14384);
                ldmatrix_x4(window[8], own_rows0 + own * 32 + 928);

                wgmma_fence();
                wgmma(sum, { window[0][0], window[2][0], window[0][1], window[2][1] }, wgmma_step(weights_view, 0), false, f16{}, f16{});
                wgmma(sum, { window[0][2], window[2][2], window[0][3], window[2][3] }, wgmma_step(weights_view, 2048), true, f16{}, f16{});
                wgmma(sum, { window[1][0], window[3][0], window[1][1], window[3][1] }, wgmma_step(weights_view, 4096), true, f16{}, f16{});
                wgmma(sum, { window[1][2], window[3][2], window[1][3], window[3][3] }, wgmma_step(weights_view, 6144), true, f16{}, f16{});
                wgmma(sum, { window[2][0], window[4][0], window[2][1], window[4][1] }, wgmma_step(weights_view, 8192), true, f16{}, f16{});
                wgmma(sum, { window[2][2], window[4][2], window[2][3], window[4][3] }, wgmma_step(weights_view, 10240), true, f16{}, f16{});
                wgmma(sum, { window[3][0], window[5][0], window[3][1], window[5][1] }, wgmma_step(weights_view, 12288), true, f16{}, f16{});
                wgmma(sum, { window[3][2], window[5][2], window[3][3], window[5][3] }, wgmma_step(weights_view, 14336), true, f16{}, f16{});
                wgmma(sum, { window[4][0], window[6][0], window[4][1], window[6][1] }, wgmma_step(weights_view, 16384), true, f16{}, f16{});
                wgmma(sum, { window[4][2], window[6][2], window[4][3], window[6][3] }, wgmma_step(weights_view, 18432), true, f16{}, f16{});
                wgmma(sum, { window[5][0], window[7][0], window[5][1], window[7][1] }, wgmma_step(weights_view, 20480), true, f16{}, f16{});
                wgmma(sum, { window[5][2], window[7][2], window[5][3], window[7][3] }, wgmma_step(weights_view, 22528), true, f16{}, f16{});
                wgmma(sum, { window[6][0], window[8][0], window[6][1], window[8][1] }, wgmma_step(weights_view, 24576), true, f16{}, f16{});
                wgmma(sum, { window[6][2], window[8][2], window[6][3], window[8][3] }, wgmma_step(weights_view, 26624), true, f16{}, f16{});
                wgmma_commit();
                wgmma_wait<0>();
                wgmma_take(sum);
                if (flags[parity]) {
                    GLASS_UNROLL
                    for (int j = 0; j < BLOCK_N / 8; j++) {
                        GLASS_UNROLL
                        for (int i = 0; i < 4; i++) sum[(j) * 4 + i] = 0;
                    }
                    #pragma unroll 1
                    for (int item = 0; item < 147; item++) {
                        const int tap_y = item / 21, y = tap_y;
                        const int pixel = item / CHANNELS % 7 + 1;
                        const int element = pixel % PIXELS * 4 + item % CHANNELS;
                        const int chunk = tap_y * LINE_CHUNKS + pixel / PIXELS;
                        const Chunk* const windows = reinterpret_cast<const Chunk*>(patch) + lane / 4 * PITCH + (warp * UNITS + own + 1) * 2 + pixel / PIXELS;
                        GLASS_UNROLL
                        for (int half = 0; half < 2; half++) {
                            const int below = y + half * 2;
                            const Chunk& window = windows[(below % 4 * 10 + below / 4) * PITCH];
                            GLASS_UNROLL
                            for (int j = 0; j < BLOCK_N / 8; j++) {
                                GLASS_UNROLL
                                for (int i = 0; i < 2; i++) {
                                    const f32 weight = convert<f32>(weights[chunk * SLOT_PITCH + j * 8 + lane % 4 * 2 + i][element]);
                                    sum[(j) * 4 + half * 2 + i] += convert<f32>(window[element]) * weight;
                                }
                            }
                        }
                    }
                }

                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    GLASS_UNROLL
                    for (int q = 0; q < VALUES; q++) waiting[half][q] = m_max(waiting[half][q], sum[(q / 2) * 4 + half * 2 + q % 2]);
                }
                }
            }
            parity ^= 1;
        }
    }
}
