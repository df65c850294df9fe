// kernel: conv, add, relu, cast
//
// Convolution of 2 channels. A block brings the part of an image that a run of 1 tile of 8 x 8 outputs reads to
// shared memory, with 4 elements for each pixel. Neighbouring outputs begin 16 bytes apart there, and so the rows
// of the implicit matrix overlap: it is multiplied where it lies.
#include "wgmma_registers.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int THREADS = 128;
constexpr int TILES = 1;  // of a run, neighbours along the width
constexpr int BLOCK_N = 8, VECTOR = 2;  // output channels of a block; adjacent results of a thread
constexpr int CHUNK = 8, PIXELS = 2, CHANNELS = 2;  // elements and pixels of 16 bytes; channels with numbers
constexpr int LINE_CHUNKS = 3, SLOTS = 10;  // chunks of a line of the window; of the whole window
constexpr int PATCH_LINES = 17, PATCH_CHUNKS = 10;  // of a run
constexpr int PITCH = 10, SLOT_PITCH = 8;  // chunks from line to line of the patch, from slot to slot of the weights
constexpr int LANES = 16;  // threads that bring a line of the patch together

using Chunk = Vec<f16, CHUNK>;
using WeightChunk = Vec<f16, CHUNK>;

GLASS_KERNEL(THREADS, 2) kernel(Input<f16> x0, Input<f16> x1, Input<f32> x2, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int first_n = block_y() * BLOCK_N;
    WeightChunk* const weights = reinterpret_cast<WeightChunk*>(shared);
    unsigned char* const patch = shared + 1280;
    u32* const flags = reinterpret_cast<u32*>(patch + 2720);  // of two runs: an element is not finite
    if (thread_x() < 2) flags[thread_x()] = 0;
    pdl_wait();
    if (thread_x() < SLOTS * BLOCK_N) {
        const int slot = thread_x() / BLOCK_N, filter = first_n + thread_x() % BLOCK_N;
        const int chunk = slot == SLOTS - 1 ? SLOTS - 2 : slot;  // the one before it has no weights
        const Offset first = Offset(filter) * 30 + chunk / LINE_CHUNKS * 10;
        WeightChunk own = {};
        GLASS_UNROLL
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            const int place = chunk % LINE_CHUNKS * 2 + pixel;
            const int tap = place;
            if (slot != SLOTS - 2 && u32(tap) < 5u) {
                GLASS_UNROLL
                for (int channel = 0; channel < CHANNELS; channel++) own[pixel * 4 + channel] = load(x1, first + tap * 2 + channel);
            }
        }
        weights[slot * SLOT_PITCH + thread_x() % BLOCK_N] = own;
    }

    const int lane = lane_id();
    const u64 weights_view = wgmma_rows(weights, SLOT_PITCH * 16, 128);
    // Of this lane: row lane % 8 of a tile, and which matrix of a load.
    const unsigned char* const own_rows = patch + warp_id() % 4 * 640 + lane % 8 * 16;
    const unsigned char* const own_rows0 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 32 : 160);
    const unsigned char* const own_rows1 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 144 : 160);
    const unsigned char* const own_rows2 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 128) : lane < 24 ? 144 : 160);
    const unsigned char* const own_rows3 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 32 : 32);

    // Epilogue operands of 2 results that are the same in every row.
    struct Along {
        Vec<f32, 2> x2_1;
    };
    Along along_all[1] = {};
    const int n = first_n + lane % 4 * VECTOR;
    Along& along = along_all[0];
    along.x2_1 = load_wide<2>(x2, n);

    int parity = 0;
    for (int run = block_x(); run < 4; run += grid_x()) {
        const int row = run / 2, first_x = run % 2 * (TILES * 8);
        const int image = row / 2, first_y = row % 2 * 8;
        sync_threads();  // the patch before has been read
        const int left = first_x * 2 - 2 + thread_x() % LANES * 2;
        const Offset origin = Offset(left);
        u32 spoil = 0;
        if (thread_x() == 0) flags[parity ^ 1] = 0;
        #pragma unroll 1
        for (int line = thread_x() / LANES; line < PATCH_LINES; line += THREADS / LANES) {
            const int y = first_y * 2 - 1 + line;
            Vec<u32, 1> read[1][CHANNELS] = {};
            if (u32(y) < u32(30)) {
                const Offset first = origin + Offset(y) * 30;
                if (u32(left) < u32(30)) {
                    GLASS_UNROLL
                    for (int channel = 0; channel < CHANNELS; channel++) read[0][channel] = bit_cast<Vec<u32, 1>>(load_wide<PIXELS>(x0, first + Offset(channel) * 900));
                }
            }
            Chunk own = {};
            GLASS_UNROLL
            for (int pixel = 0; pixel < PIXELS; pixel++) {
                GLASS_UNROLL
                for (int channel = 0; channel < CHANNELS; channel++) own[pixel * 4 + channel] = convert<f16>(bit_cast<Vec<f16, PIXELS>>(read[0][channel])[pixel]);
            }
            const auto words = bit_cast<Vec<u32, 4>>(own);
            GLASS_UNROLL
            for (int word = 0; word < 4; word++) spoil = spoiled(spoil, words[word], f16{});
            const int chunk = thread_x() % LANES;
            if (chunk < PATCH_CHUNKS) reinterpret_cast<Chunk*>(patch)[line * PITCH + chunk] = own;
        }
        if (spoil != 0) flags[parity] = 1;

        fence_proxy_async();
        sync_threads();
        if (first_x < 15) {
        u32 window[4][4];
            ldmatrix_x4(window[0], own_rows0);
            ldmatrix_x4(window[1], own_rows1 + 176);
            ldmatrix_x4(window[2], own_rows2 + 352);
            ldmatrix_x4(window[3], own_rows3 + 640);

            f32 sum[BLOCK_N / 2];  // uninitialised: the first product overwrites them
            wgmma_fence();
            wgmma(sum, { window[0][0], window[1][2], window[0][1], window[1][3] }, wgmma_step(weights_view, 0), false, f16{}, f16{});
            wgmma(sum, { window[0][2], window[2][0], window[0][3], window[2][1] }, wgmma_step(weights_view, 256), true, f16{}, f16{});
            wgmma(sum, { window[1][0], window[2][2], window[1][1], window[2][3] }, wgmma_step(weights_view, 512), true, f16{}, f16{});
            wgmma(sum, { window[1][2], window[3][0], window[1][3], window[3][1] }, wgmma_step(weights_view, 768), true, f16{}, f16{});
            wgmma(sum, { window[0][0], window[1][2], window[2][0], window[3][2] }, wgmma_step(weights_view, 1024), true, f16{}, f16{});
            wgmma_commit();
            wgmma_wait<0>();
            wgmma_take(sum);
            if (flags[parity]) {
                GLASS_UNROLL
                for (int i = 0; i < 4; i++) sum[(0) * 4 + i] = 0;
                #pragma unroll 1
                for (int item = 0; item < 30; item++) {
                    const int tap_y = item / 10;
                    const int pixel = item / CHANNELS % 5;
                    const int element = pixel % PIXELS * 4 + item % CHANNELS;
                    const int chunk = tap_y * LINE_CHUNKS + pixel / PIXELS, slot = chunk == SLOTS - 2 ? SLOTS - 1 : chunk;
                    const int row = (warp_id() % 4 * 2 * 2 + tap_y) * PITCH + (lane / 4) + pixel / PIXELS;
                    const Chunk* const windows = reinterpret_cast<const Chunk*>(patch) + row;
                    GLASS_UNROLL
                    for (int i = 0; i < 4; i++) {
                        const f32 value = convert<f32>(windows[i / 2 * 20][element]);
                        const f32 weight = convert<f32>(weights[slot * SLOT_PITCH + lane % 4 * 2 + i % 2][element]);
                        sum[(0) * 4 + i] += value * weight;
                    }
                }
            }
            const int x = first_x + lane / 4;
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const int y = first_y + warp_id() % 4 * 2 + half;
                if (!(x < 15 && y < 15)) continue;
                const int m = (image * 15 + y) * 15 + x;
                const int n = first_n + lane % 4 * VECTOR;
                f32 accumulator[VECTOR];
                GLASS_UNROLL
                for (int i = 0; i < VECTOR; i++) accumulator[i] = sum[(i / 2) * 4 + half * 2 + i % 2];
                const Along& along = along_all[0];
                Vec<f16, 2> y0_5;
                GLASS_UNROLL
                for (int lane = 0; lane < 2; ++lane) {
                    const f32 add_2 = accumulator[lane] + along.x2_1[lane];
                    const f32 max_3 = m_max(add_2, 0x0p+0f);
                    const f16 cast4 = convert<f16>(max_3);
                    y0_5[lane] = cast4;
                }
                store_wide<2>(y0, n + m*8, y0_5);
            }
        }
        parity ^= 1;
    }
}
