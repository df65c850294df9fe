// kernel: quantize, conv, max_pool, cast, mul, add, relu, quantize
//
// Convolution of 3 channels, and maxima of its outputs. A block walks down an image in bands of 16 lines of outputs. It brings
// the part of the image that a band reads to shared memory, with 4 elements for each pixel. A warp goes through its columns
// from right to left, two at a time, a unit; maxima leave it before anything else is computed of them.
#include "wgmma_registers.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Total = i32;
constexpr int THREADS = 128;
constexpr int UNITS = 2;  // of a warp, neighbours along the width
constexpr int BLOCK_N = 64, VECTOR = 8;  // output channels of a block; adjacent results of a thread
constexpr int VALUES = 16;  // sums of a thread for an output
constexpr int CHUNK = 16, PIXELS = 4, CHANNELS = 3;  // elements and pixels of 16 bytes; channels with numbers
constexpr int LINE_CHUNKS = 2, SLOTS = 14;  // chunks of a line of the window; of the whole window
constexpr int PATCH_LINES = 37, PATCH_UNITS = 21;  // of a band
constexpr int PHASES = 2, UNIT_PIXELS = 2, COPY = 7040;  // copies of the patch; pixels and bytes from one to the next
constexpr int PITCH = 11, SLOT_PITCH = 64;  // chunks from line to line of the patch, from slot to slot of the weights
constexpr int LANES = 32;  // threads that bring a line of the patch together

using Chunk = Vec<i8, CHUNK>;
using WeightChunk = Vec<i8, CHUNK>;
using Unit = Vec<i8, CHUNK / PHASES>;
using Carried = Vec<Total, 4>;

// The output channel of a column of the product: those of a thread, which lie eight columns apart, are neighbours.
GLASS_DEVICE int channel_of(int column) {
    return column / (4 * VECTOR) * (4 * VECTOR) + column % 8 / 2 * VECTOR + column % (4 * VECTOR) / 8 * 2 + column % 2;
}

GLASS_KERNEL(THREADS, 2) kernel(Input<f32> x0, Input<i8> x1, Input<f32> x2, Output<i8> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int first_n = block_y() * BLOCK_N;
    WeightChunk* const weights = reinterpret_cast<WeightChunk*>(shared);
    unsigned char* const patch = shared + 14336;
    Carried* const carried = reinterpret_cast<Carried*>(patch + 14080);  // the last line of the band above: [warp][unit][vector][lane]
    pdl_wait();
    #pragma unroll 4
    for (int item = thread_x(); item < SLOTS * BLOCK_N; item += THREADS) {
        const int slot = item / BLOCK_N, filter = first_n + channel_of(item % BLOCK_N);
        const int chunk = slot;
        const Offset first = Offset(filter) * 147 + chunk / LINE_CHUNKS * 21;
        WeightChunk own = {};
        GLASS_UNROLL
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            const int place = chunk % LINE_CHUNKS * 4 + pixel - 1;
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
    const unsigned char* const own_rows = patch + lane % 8 * 176 + (warp * UNITS + 1) * 16;
    const unsigned char* const own_rows0 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 1760 : 1776);
    const unsigned char* const own_rows1 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 16 : 16);

    // Epilogue operands of 8 results that are the same in every row.
    struct Along {
        Vec<f32, 8> x2_3;
    };
    Along along_all[2] = {};
    GLASS_UNROLL
    for (int part = 0; part < 2; part++) {
        const int n = first_n + part * (4 * VECTOR) + lane % 4 * VECTOR;
        Along& along = along_all[part];
        along.x2_3 = load_wide<8>(x2, n);
    }

    for (int run = block_x(); run < 2; run += grid_x()) {
        const int first_column = run % 2 * 8;
        const int first_row = 0;
        const int image = run / 2;
        #pragma unroll 1
        for (int band = 0; band < 2; band++) {
            const int row = first_row + band * 8;  // the first unit
            if (row >= 10) break;
            const int first_x = first_column * 2 - 2, first_y = row * 2;
            sync_threads();  // the patch before has been read
            const int left = first_x * 2 - 4 + thread_x() % LANES * 2;
            const Offset origin = Offset(left);
            #pragma unroll 1
            for (int first_line = thread_x() / LANES; first_line < PATCH_LINES; first_line += 32) {
                Vec<u32, 2> lines[8][1][CHANNELS] = {};
                GLASS_UNROLL
                for (int number = 0; number < 8; number++) {
                    const int line = first_line + number * 4, y = first_y * 2 - 3 + line;
                    if (line >= PATCH_LINES) break;
                    auto& read = lines[number];
                    if (u32(y) < u32(40)) {
                        const Offset first = origin + Offset(y) * 40;
                        if (u32(left) < u32(40)) {
                            GLASS_UNROLL
                            for (int channel = 0; channel < CHANNELS; channel++) read[0][channel] = bit_cast<Vec<u32, 2>>(load_wide<UNIT_PIXELS>(x0, first + Offset(channel) * 1600));
                        }
                    }
                }
                GLASS_UNROLL
                for (int number = 0; number < 8; number++) {
                    const int line = first_line + number * 4, y = first_y * 2 - 3 + line;
                    if (line >= PATCH_LINES) break;
                    auto& read = lines[number];
                    Unit own = {};
                    {
                        f32 loaded[8] = {};
                        GLASS_UNROLL
                        for (int pixel = 0; pixel < UNIT_PIXELS; pixel++) {
                            GLASS_UNROLL
                            for (int channel = 0; channel < CHANNELS; channel++) loaded[pixel * 4 + channel] = bit_cast<Vec<f32, UNIT_PIXELS>>(read[0][channel])[pixel];
                        }
                        Vec<i8, 8> value;
                        Vec<f32, 8> value_2;
                        GLASS_UNROLL
                        for (int lane = 0; lane < 8; ++lane) {
                            const f32 div_1 = loaded[lane] / 0x1p-5f;
                            value_2[lane] = div_1;
                        }
                        value = nearest_all<i8>(value_2);
                        auto words = bit_cast<Vec<u32, 2>>(value);  // bytes would be chosen one by one
                        if (!(u32(y) < u32(40) && u32(left) < u32(40))) words = {};
                        own = bit_cast<Vec<i8, 8>>(words);
                    }
                    const int unit = thread_x() % LANES;
                    GLASS_UNROLL
                    for (int copy = 0; copy < PHASES; copy++) {
                        const int at = unit - copy;
                        if (at >= 0 && at <= PATCH_UNITS - PHASES) store_shared(reinterpret_cast<Unit*>(patch + copy * COPY) + ((line % 4 * 10 + line / 4) * (PITCH * PHASES) + at), own);
                    }
                }
            }

            fence_proxy_async();
            sync_threads();
            Total waiting[2][VALUES] = {};  // of two lines: maxima of a unit, for which the last column of the unit on its left is missing
            #pragma unroll 1
            for (int unit = UNITS - 1; unit >= -1; unit--) {
                // Left of a warp's units is the last column of the warp before it. At the image's edge the first warp takes its own again.
                const int own = warp > 0 || unit >= 0 || first_column > 0 ? unit : 0;
                {
                i32 sum[BLOCK_N / 2];  // uninitialised: the first product overwrites them
                u32 window[5][4];
                ldmatrix_x4(window[0], own_rows0 + own * 16 + 7040);
                ldmatrix_x4(window[1], own_rows0 + own * 16 + 7040 + 3520);
                ldmatrix_x4(window[2], own_rows0 + own * 16 + 7040 + 176);
                ldmatrix_x4(window[3], own_rows0 + own * 16 + 7040 + 3696);
                ldmatrix_x4(window[4], own_rows1 + own * 16 + 7040 + 352);

                wgmma_fence();
                wgmma(sum, { window[0][0], window[1][0], window[0][1], window[1][1] }, wgmma_step(weights_view, 0), false, i8{}, i8{});
                wgmma(sum, { window[0][2], window[1][2], window[0][3], window[1][3] }, wgmma_step(weights_view, 2048), true, i8{}, i8{});
                wgmma(sum, { window[1][0], window[2][0], window[1][1], window[2][1] }, wgmma_step(weights_view, 4096), true, i8{}, i8{});
                wgmma(sum, { window[1][2], window[2][2], window[1][3], window[2][3] }, wgmma_step(weights_view, 6144), true, i8{}, i8{});
                wgmma(sum, { window[2][0], window[3][0], window[2][1], window[3][1] }, wgmma_step(weights_view, 8192), true, i8{}, i8{});
                wgmma(sum, { window[2][2], window[3][2], window[2][3], window[3][3] }, wgmma_step(weights_view, 10240), true, i8{}, i8{});
                wgmma(sum, { window[3][0], window[4][0], window[3][1], window[4][1] }, wgmma_step(weights_view, 12288), true, i8{}, i8{});
                wgmma_commit();
                wgmma_wait<0>();
                wgmma_take(sum);

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
                                above[k * 4 + i] = band > 0 ? then[i] : -2147483648;
                            }
                            last[k * 4] = now;
                        }
                    }
                    GLASS_UNROLL
                    for (int q = 0; q < VALUES; q++) maximum[q] = m_max(m_max(value[0][q], value[1][q]), above[q]);
                    const int column = first_column + warp * UNITS + unit + 1, line = row + lane / 4;
                    const int x = column, y = line;
                    if (u32(x) < u32(10) && u32(y) < u32(10)) {
                        const int m = (image * 10 + y) * 10 + x;
                        GLASS_UNROLL
                        for (int part = 0; part < 2; part++) {
                            const int n = first_n + part * (4 * VECTOR) + lane % 4 * VECTOR;
                            i32 accumulator[VECTOR];
                            GLASS_UNROLL
                            for (int i = 0; i < VECTOR; i++) accumulator[i] = maximum[part * VECTOR + i];
                            const Along& along = along_all[part];
                            Vec<f32, 8> y0_6;
                            GLASS_UNROLL
                            for (int lane = 0; lane < 8; ++lane) {
                                const f32 cast1 = convert<f32>(accumulator[lane]);
                                const f32 mul_2 = cast1 * 0x1p-4f;
                                const f32 add_4 = mul_2 + along.x2_3[lane];
                                const f32 div_5 = add_4 / 0x1p-3f;
                                y0_6[lane] = div_5;
                            }
                            store_wide<8>(y0, n + m*64, nearest_above_zero_all<i8>(y0_6));
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
                i32 sum[BLOCK_N / 2];  // uninitialised: the first product overwrites them
                u32 window[5][4];
                ldmatrix_x4(window[0], own_rows0 + own * 16);
                ldmatrix_x4(window[1], own_rows0 + own * 16 + 3520);
                ldmatrix_x4(window[2], own_rows0 + own * 16 + 176);
                ldmatrix_x4(window[3], own_rows0 + own * 16 + 3696);
                ldmatrix_x4(window[4], own_rows1 + own * 16 + 352);

                wgmma_fence();
                wgmma(sum, { window[0][0], window[1][0], window[0][1], window[1][1] }, wgmma_step(weights_view, 0), false, i8{}, i8{});
                wgmma(sum, { window[0][2], window[1][2], window[0][3], window[1][3] }, wgmma_step(weights_view, 2048), true, i8{}, i8{});
                wgmma(sum, { window[1][0], window[2][0], window[1][1], window[2][1] }, wgmma_step(weights_view, 4096), true, i8{}, i8{});
                wgmma(sum, { window[1][2], window[2][2], window[1][3], window[2][3] }, wgmma_step(weights_view, 6144), true, i8{}, i8{});
                wgmma(sum, { window[2][0], window[3][0], window[2][1], window[3][1] }, wgmma_step(weights_view, 8192), true, i8{}, i8{});
                wgmma(sum, { window[2][2], window[3][2], window[2][3], window[3][3] }, wgmma_step(weights_view, 10240), true, i8{}, i8{});
                wgmma(sum, { window[3][0], window[4][0], window[3][1], window[4][1] }, wgmma_step(weights_view, 12288), true, i8{}, i8{});
                wgmma_commit();
                wgmma_wait<0>();
                wgmma_take(sum);

                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    GLASS_UNROLL
                    for (int q = 0; q < VALUES; q++) waiting[half][q] = m_max(waiting[half][q], sum[(q / 2) * 4 + half * 2 + q % 2]);
                }
                }
            }
        }
    }
}
