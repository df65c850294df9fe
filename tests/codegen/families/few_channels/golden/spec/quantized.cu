// kernel: add, quantize, conv, cast, add, relu, cast
//
// Convolution of 3 channels. A block brings the part of an image that a run of 2 tiles of 8 x 8 outputs reads to
// shared memory, with 4 elements for each pixel. Twice, since every second output begins 16 bytes apart there, and so the rows
// of the implicit matrix overlap: it is multiplied where it lies.
#include "wgmma_registers.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int THREADS = 256;
constexpr int TILES = 2;  // of a run, neighbours along the width
constexpr int BLOCK_N = 64, VECTOR = 4;  // output channels of a block; adjacent results of a thread
constexpr int CHUNK = 16, PIXELS = 4, CHANNELS = 3;  // elements and pixels of 16 bytes; channels with numbers
constexpr int LINE_CHUNKS = 2, SLOTS = 14;  // chunks of a line of the window; of the whole window
constexpr int PATCH_LINES = 21, PATCH_UNITS = 19;  // of a run
constexpr int PHASES = 2, UNIT_PIXELS = 2, COPY = 3024;  // copies of the patch; pixels and bytes from one to the next
constexpr int PITCH = 9, SLOT_PITCH = 64;  // chunks from line to line of the patch, from slot to slot of the weights
constexpr int LANES = 32;  // threads that bring a line of the patch together

using Chunk = Vec<i8, CHUNK>;
using WeightChunk = Vec<i8, CHUNK>;
using Unit = Vec<i8, CHUNK / PHASES>;

// The output channel of a column of the product: those of a thread, which lie eight columns apart, are neighbours.
GLASS_DEVICE int channel_of(int column) {
    return column / (4 * VECTOR) * (4 * VECTOR) + column % 8 / 2 * VECTOR + column % (4 * VECTOR) / 8 * 2 + column % 2;
}

GLASS_KERNEL(THREADS, 2) kernel(Input<f32> x0, Input<i8> x1, Input<f32> x2, Output<f32> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int first_n = block_y() * BLOCK_N;
    WeightChunk* const weights = reinterpret_cast<WeightChunk*>(shared);
    unsigned char* const patch = shared + 14336;
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

    const int lane = lane_id(), group = warp_id() / 4;
    const u64 weights_view = wgmma_rows(weights, SLOT_PITCH * 16, 128);
    // Of this lane: row lane % 8 of a tile, and which matrix of a load.
    const unsigned char* const own_rows = patch + warp_id() % 4 * 576 + lane % 8 * 16;
    const unsigned char* const own_rows0 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 144 : 160);
    const unsigned char* const own_rows1 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 16 : 16);

    // Epilogue operands of 4 results that are the same in every row.
    struct Along {
        Vec<f32, 4> x2_2;
    };
    Along along_all[4] = {};
    GLASS_UNROLL
    for (int part = 0; part < 4; part++) {
        const int n = first_n + (part ^ lane / 4 % 2) * (4 * VECTOR) + lane % 4 * VECTOR;
        Along& along = along_all[part];
        along.x2_2 = load_wide<4>(x2, n);
    }

    for (int run = block_x(); run < 6; run += grid_x()) {
        const int row = run / 2, first_x = run % 2 * (TILES * 8);
        const int image = row / 3, first_y = row % 3 * 8;
        sync_threads();  // the patch before has been read
        const int left = first_x * 2 - 4 + thread_x() % LANES * 2;
        const Offset origin = Offset(left);
        #pragma unroll 1
        for (int line = thread_x() / LANES; line < PATCH_LINES; line += THREADS / LANES) {
            const int y = first_y * 2 - 3 + line;
            Vec<u32, 2> read[1][CHANNELS] = {};
            if (u32(y) < u32(40)) {
                const Offset first = origin + Offset(y) * 40;
                if (u32(left) < u32(40)) {
                    GLASS_UNROLL
                    for (int channel = 0; channel < CHANNELS; channel++) read[0][channel] = bit_cast<Vec<u32, 2>>(load_wide<UNIT_PIXELS>(x0, first + Offset(channel) * 1600));
                }
            }
            Unit own = {};
            {
                f32 loaded[8] = {};
                GLASS_UNROLL
                for (int pixel = 0; pixel < UNIT_PIXELS; pixel++) {
                    GLASS_UNROLL
                    for (int channel = 0; channel < CHANNELS; channel++) loaded[pixel * 4 + channel] = bit_cast<Vec<f32, UNIT_PIXELS>>(read[0][channel])[pixel];
                }
                Vec<i8, 8> value;
                Vec<f32, 8> value_3;
                GLASS_UNROLL
                for (int lane = 0; lane < 8; ++lane) {
                    const f32 add_1 = loaded[lane] + 0x1p+0f;
                    const f32 div_2 = add_1 / 0x1p-5f;
                    value_3[lane] = div_2;
                }
                value = nearest_all<i8>(value_3);
                auto words = bit_cast<Vec<u32, 2>>(value);  // bytes would be chosen one by one
                if (!(u32(y) < u32(40) && u32(left) < u32(40))) words = {};
                own = bit_cast<Vec<i8, 8>>(words);
            }
            const int unit = thread_x() % LANES;
            GLASS_UNROLL
            for (int copy = 0; copy < PHASES; copy++) {
                const int at = unit - copy;
                if (at >= 0 && at <= PATCH_UNITS - PHASES) store_shared(reinterpret_cast<Unit*>(patch + copy * COPY) + (line * (PITCH * PHASES) + at), own);
            }
        }

        fence_proxy_async();
        sync_threads();
        if (first_x + group / 2 * 16 + group % 2 < 20) {
        u32 window[5][4];
            ldmatrix_x4(window[0], own_rows0 + group / 2 * 128 + group % 2 * 3024);
            ldmatrix_x4(window[1], own_rows0 + group / 2 * 128 + group % 2 * 3024 + 288);
            ldmatrix_x4(window[2], own_rows0 + group / 2 * 128 + group % 2 * 3024 + 576);
            ldmatrix_x4(window[3], own_rows0 + group / 2 * 128 + group % 2 * 3024 + 864);
            ldmatrix_x4(window[4], own_rows1 + group / 2 * 128 + group % 2 * 3024 + 1152);

            i32 sum[BLOCK_N / 2];  // uninitialised: the first product overwrites them
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
            const int x = first_x + group / 2 * 16 + group % 2 + lane / 4 * 2;
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int y = first_y + warp_id() % 4 * 2 + half;
                if (!(x < 20 && y < 20)) continue;
                const int m = (image * 20 + y) * 20 + x;
                GLASS_UNROLL
                for (int part = 0; part < 4; part++) {
                    const int n = first_n + (part ^ lane / 4 % 2) * (4 * VECTOR) + lane % 4 * VECTOR;
                    i32 accumulator[VECTOR];
                    GLASS_UNROLL
                    for (int i = 0; i < VECTOR; i++) accumulator[i] = lane / 4 % 2 ? sum[((part ^ 1) * (VECTOR / 2) + i / 2) * 4 + half * 2 + i % 2] : sum[(part * (VECTOR / 2) + i / 2) * 4 + half * 2 + i % 2];
                    const Along& along = along_all[part];
                    Vec<f32, 4> y0_5;
                    GLASS_UNROLL
                    for (int lane = 0; lane < 4; ++lane) {
                        const f32 cast1 = convert<f32>(accumulator[lane]);
                        const f32 add_3 = cast1 + along.x2_2[lane];
                        const f32 max_4 = m_max(add_3, 0x0p+0f);
                        y0_5[lane] = max_4;
                    }
                    store_wide<4>(y0, n + m*64, y0_5);
                }
            }
        }
    }
}
