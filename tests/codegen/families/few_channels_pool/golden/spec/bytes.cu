// kernel: quantize, conv, max_pool, cast, mul, add, relu, quantize
//
// Convolution of 3 channels, and maxima of its outputs. A block walks down an image in bands of eight lines of outputs. It brings
// the part of the image that a band reads to shared memory, with 4 elements for each pixel. A warp goes through its columns
// from right to left, two at a time, a unit; maxima leave it before anything else is computed of them.
#include "wgmma_registers.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Total = i32;
constexpr int THREADS = 128;
constexpr int UNITS = 2;  // of a warp, neighbours along the width
constexpr int BLOCK_N = 64, VECTOR = 8;  // output channels of a block; adjacent results of a thread
constexpr int VALUES = 16, KEPT = 8;  // sums of a thread for an output; maxima of two lines that it stores
constexpr int CHUNK = 16, PIXELS = 4, CHANNELS = 3;  // elements and pixels of 16 bytes; channels with numbers
constexpr int LINE_CHUNKS = 2, SLOTS = 14;  // chunks of a line of the window; of the whole window
constexpr int PATCH_LINES = 21, PATCH_UNITS = 19;  // of a band
constexpr int PHASES = 2, UNIT_PIXELS = 2, COPY = 3168;  // copies of the patch; pixels and bytes from one to the next
constexpr int PITCH = 9, SLOT_PITCH = 64;  // chunks from line to line of the patch, from slot to slot of the weights
constexpr int LANES = 32;  // threads that bring a line of the patch together

using Chunk = Vec<i8, CHUNK>;
using WeightChunk = Vec<i8, CHUNK>;
using Unit = Vec<i8, CHUNK / PHASES>;
using Carried = Vec<Total, 4>;
using Met = Vec<Total, 4>;

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
    Carried* const carried = reinterpret_cast<Carried*>(patch + 6336);  // the last line of the band above: [warp][unit][vector][lane]
    Met* const met = reinterpret_cast<Met*>(patch + 8384);  // the last column of each warp: [warp][vector][lane]
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
    const int below = lane / 4 % 2;  // this lane has the lower one of two lines of outputs
    const u64 weights_view = wgmma_rows(weights, SLOT_PITCH * 16, 128);
    // Of this lane: a line of outputs, and which matrix of a load.
    const unsigned char* const own_rows = patch + lane % 8 * 144 + warp * (UNITS * 16);
    // Epilogue operands of 8 results that are the same in every row.
    struct Along {
        Vec<f32, 8> x2_3;
    };
    Along along_all[1] = {};
    const int n = first_n + below * (4 * VECTOR) + lane % 4 * VECTOR;
    Along& along = along_all[0];
    along.x2_3 = load_wide<8>(x2, n);

    for (int run = block_x(); run < 4; run += grid_x()) {
        const int first_column = run % 2 * 7;
        const int first_row = run / 2 % 2 * 7;
        const int image = run / 2 / 2;
        #pragma unroll 1
        for (int band = 0; band < 2; band++) {
            const int row = first_row + band * 4;  // the first unit
            if (row >= 10) break;
            const int first_x = first_column * 2, first_y = row * 2;
            const int left = first_x * 2 - 4 + thread_x() % LANES * 2;
            const Offset origin = Offset(left);
            const int first_line = thread_x() / LANES;
            Vec<f32, UNIT_PIXELS> lines[6][1][CHANNELS] = {};
            GLASS_UNROLL
            for (int number = 0; number < 6; number++) {
                const int line = first_line + number * 4, y = first_y * 2 - 3 + line;
                if (line >= PATCH_LINES) break;
                auto& read = lines[number];
                if (u32(y) < u32(40)) {
                    const Offset first = origin + Offset(y) * 40;
                    if (u32(left) < u32(40)) {
                        GLASS_UNROLL
                        for (int channel = 0; channel < CHANNELS; channel++) read[0][channel] = load_wide<UNIT_PIXELS>(x0, first + Offset(channel) * 1600);
                    }
                }
            }
            GLASS_UNROLL
            for (int number = 0; number < 6; number++) {
                const int line = first_line + number * 4, y = first_y * 2 - 3 + line;
                if (line >= PATCH_LINES) break;
                auto& read = lines[number];
                Unit own = {};
                GLASS_UNROLL
                for (int pixel = 0; pixel < UNIT_PIXELS; pixel++) {
                    if (u32(y) < u32(40) && u32(left) < u32(40)) {
                    GLASS_UNROLL
                    for (int channel = 0; channel < CHANNELS; channel++) {
                        const f32 loaded[1] = {read[0][channel][pixel]};
                        i8 value[1];
                        const f32 div_1 = loaded[0] / 0x1p-5f;
                        const i8 cast2 = nearest<i8>(div_1);
                        value[0] = cast2;
                        own[pixel * 4 + channel] = value[0];
                    }
                    }
                }
                const int unit = thread_x() % LANES;
                GLASS_UNROLL
                for (int copy = 0; copy < PHASES; copy++) {
                    const int at = unit - copy;
                    if (at >= 0 && at <= PATCH_UNITS - PHASES) store_shared(reinterpret_cast<Unit*>(patch + copy * COPY) + ((line % 2 * 11 + line / 2) * (PITCH * PHASES) + at), own);
                }
            }

            fence_proxy_async();
            sync_threads();
            u32 window[7][4];
            ldmatrix_x4(window[0], own_rows + (UNITS - 1) * 16 + (lane < 16 ? (lane < 8 ? 0 : 3168) : lane < 24 ? 144 : 3312));
            ldmatrix_x4(window[1], own_rows + (UNITS - 1) * 16 + (lane < 16 ? (lane < 8 ? 288 : 3456) : lane < 24 ? 432 : 3600));
            ldmatrix_x4(window[2], own_rows + (UNITS - 1) * 16 + (lane < 16 ? (lane < 8 ? 1584 : 4752) : lane < 24 ? 1728 : 4896));
            ldmatrix_x4(window[3], own_rows + (UNITS - 1) * 16 + (lane < 16 ? (lane < 8 ? 1872 : 5040) : lane < 24 ? 16 : 3184));
            ldmatrix_x4(window[4], own_rows + (UNITS - 1) * 16 + (lane < 16 ? (lane < 8 ? 160 : 3328) : lane < 24 ? 304 : 3472));
            ldmatrix_x4(window[5], own_rows + (UNITS - 1) * 16 + (lane < 16 ? (lane < 8 ? 448 : 3616) : lane < 24 ? 1600 : 4768));
            ldmatrix_x4(window[6], own_rows + (UNITS - 1) * 16 + (lane < 16 ? (lane < 8 ? 1744 : 4912) : lane < 24 ? 1888 : 5056));

            Total waiting[VALUES] = {};  // maxima of a unit, for which the last column of the unit on its left is missing
            #pragma unroll 1
            for (int unit = UNITS - 1; unit >= -1; unit--) {
                i32 sum[BLOCK_N / 2];  // uninitialised: the first product overwrites them
                if (unit >= 0) {
                    wgmma_fence();
                    wgmma(sum, { window[0][0], window[0][1], window[3][2], window[3][3] }, wgmma_step(weights_view, 0), false, i8{}, i8{});
                    wgmma(sum, { window[2][0], window[2][1], window[5][2], window[5][3] }, wgmma_step(weights_view, 2048), true, i8{}, i8{});
                    wgmma(sum, { window[0][2], window[0][3], window[4][0], window[4][1] }, wgmma_step(weights_view, 4096), true, i8{}, i8{});
                    wgmma(sum, { window[2][2], window[2][3], window[6][0], window[6][1] }, wgmma_step(weights_view, 6144), true, i8{}, i8{});
                    wgmma(sum, { window[1][0], window[1][1], window[4][2], window[4][3] }, wgmma_step(weights_view, 8192), true, i8{}, i8{});
                    wgmma(sum, { window[3][0], window[3][1], window[6][2], window[6][3] }, wgmma_step(weights_view, 10240), true, i8{}, i8{});
                    wgmma(sum, { window[1][2], window[1][3], window[5][0], window[5][1] }, wgmma_step(weights_view, 12288), true, i8{}, i8{});
                    wgmma_commit();
                    wgmma_wait<0>();
                    wgmma_take(sum);
                } else {
                    sync_threads();
                    GLASS_UNROLL
                    for (int q = 0; q < VALUES; q++) sum[(q / 2) * 4 + 2 + q % 2] = warp > 0 ? met[((warp - 1) * 4 + q / 4) * 32 + lane][q % 4] : -2147483648;
                }
                Total value[VALUES];
                GLASS_UNROLL
                for (int q = 0; q < VALUES; q++) {
                    value[q] = m_max(waiting[q], sum[(q / 2) * 4 + 2 + q % 2]);
                    waiting[q] = m_max(sum[(q / 2) * 4 + q % 2], sum[(q / 2) * 4 + 2 + q % 2]);
                }
                if (unit < UNITS - 1) {
                    Total maximum[KEPT];
                    Total above[KEPT];
                    GLASS_UNROLL
                    for (int q = 0; q < KEPT; q++) {
                        const Total own = below ? value[KEPT + q] : value[q];
                        const Total other = shuffle_xor(below ? value[q] : value[KEPT + q], 4);
                        maximum[q] = m_max(own, other);
                        above[q] = shuffle(below ? own : other, lane + 24);  // the last line above those of this lane, or the band's last
                    }
                    if (lane < 8) {
                        Carried* const last = carried + ((warp * UNITS + unit + 1) * 16 + lane);
                        GLASS_UNROLL
                        for (int k = 0; k < KEPT / 4; k++) {
                            Carried now, then = {};
                            if (band > 0) then = last[k * 8];
                            GLASS_UNROLL
                            for (int i = 0; i < 4; i++) {
                                now[i] = above[k * 4 + i];
                                above[k * 4 + i] = band > 0 ? then[i] : -2147483648;
                            }
                            last[k * 8] = now;
                        }
                    }
                    GLASS_UNROLL
                    for (int q = 0; q < KEPT; q++) maximum[q] = m_max(maximum[q], above[q]);
                    const int column = first_column + warp * UNITS + unit + 1, line = row + lane / 8;
                    const int x = column, y = line;
                    if (u32(x) < u32(10) && u32(y) < u32(10) && (column > first_column || first_column == 0) && (line > first_row || first_row == 0)) {
                        const int m = (image * 10 + y) * 10 + x;
                        const int n = first_n + below * (4 * VECTOR) + lane % 4 * VECTOR;
                        i32 accumulator[VECTOR];
                        GLASS_UNROLL
                        for (int i = 0; i < VECTOR; i++) accumulator[i] = maximum[i];
                        const Along& along = along_all[0];
                        Vec<f32, 8> y0_7;
                        GLASS_UNROLL
                        for (int lane = 0; lane < 8; ++lane) {
                            const f32 cast1 = convert<f32>(accumulator[lane]);
                            const f32 mul_2 = cast1 * 0x1p-4f;
                            const f32 add_4 = mul_2 + along.x2_3[lane];
                            const f32 max_5 = m_max(add_4, 0x0p+0f);
                            const f32 div_6 = max_5 / 0x1p-3f;
                            y0_7[lane] = div_6;
                        }
                        store_wide<8>(y0, n + m*64, nearest_all<i8>(y0_7));
                    }
                } else {
                    GLASS_UNROLL
                    for (int k = 0; k < VALUES / 4; k++) {
                        Met own;
                        GLASS_UNROLL
                        for (int i = 0; i < 4; i++) {
                            const int q = k * 4 + i;
                            own[i] = sum[(q / 2) * 4 + 2 + q % 2];
                        }
                        met[(warp * 4 + k) * 32 + lane] = own;
                    }
                }

                if (unit > 0) {
                    window[4][0] = window[0][2];
                    window[4][1] = window[0][3];
                    window[4][2] = window[1][0];
                    window[4][3] = window[1][1];
                    window[5][0] = window[1][2];
                    window[5][1] = window[1][3];
                    window[5][2] = window[2][0];
                    window[5][3] = window[2][1];
                    window[6][0] = window[2][2];
                    window[6][1] = window[2][3];
                    window[6][2] = window[3][0];
                    window[6][3] = window[3][1];
                    ldmatrix_x4(window[0], own_rows + (unit - 1) * 16 + (lane < 16 ? (lane < 8 ? 0 : 3168) : lane < 24 ? 144 : 3312));
                    ldmatrix_x4(window[1], own_rows + (unit - 1) * 16 + (lane < 16 ? (lane < 8 ? 288 : 3456) : lane < 24 ? 432 : 3600));
                    ldmatrix_x4(window[2], own_rows + (unit - 1) * 16 + (lane < 16 ? (lane < 8 ? 1584 : 4752) : lane < 24 ? 1728 : 4896));
                    ldmatrix_x4(window[3], own_rows + (unit - 1) * 16 + (lane < 16 ? (lane < 8 ? 1872 : 5040) : lane < 24 ? 16 : 3184));
                }
            }
        }
    }
}
