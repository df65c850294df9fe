// kernel: conv, add, cast, add, relu, cast
//
// Convolution of 3 channels. A block brings the part of an image that a run of 3 tiles of 8 x 8 outputs reads to
// shared memory, with 4 elements for each pixel. Neighbouring outputs begin 16 bytes apart there, and so the rows
// of the implicit matrix overlap: it is multiplied where it lies.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int THREADS = 128;
constexpr int TILES = 3;  // of a run, neighbours along the width
constexpr int BLOCK_N = 64, VECTOR = 8;  // output channels of a block; adjacent results of a thread
constexpr int CHUNK = 8, PIXELS = 2, CHANNELS = 3;  // elements and pixels of 16 bytes; channels with numbers
constexpr int LINE_CHUNKS = 2, SLOTS = 6;  // chunks of a line of the window; of the whole window
constexpr int PATCH_LINES = 17, PATCH_CHUNKS = 25;  // of a run
constexpr int PITCH = 25, SLOT_PITCH = 64;  // chunks from line to line of the patch, from slot to slot of the weights
constexpr int LANES = 32;  // threads that bring a line of the patch together

using Chunk = Vec<f16, CHUNK>;
using WeightChunk = Vec<f16, CHUNK>;

// The output channel of a column of the product: those of a thread, which lie eight columns apart, are neighbours.
GLASS_DEVICE int channel_of(int column) {
    return column / (4 * VECTOR) * (4 * VECTOR) + column % 8 / 2 * VECTOR + column % (4 * VECTOR) / 8 * 2 + column % 2;
}

GLASS_KERNEL(THREADS, 2) kernel(Input<f16> x0, Input<f16> x1, Input<f32> x2, Input<f16> x3, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int N = 40;
    const int first_n = block_y() * BLOCK_N;
    WeightChunk* const weights = reinterpret_cast<WeightChunk*>(shared);
    unsigned char* const patch = shared + 6144;
    u32* const flags = reinterpret_cast<u32*>(patch + 6800);  // of two runs: an element is not finite
    if (thread_x() < 2) flags[thread_x()] = 0;
    pdl_wait();
    #pragma unroll 4
    for (int item = thread_x(); item < SLOTS * BLOCK_N; item += THREADS) {
        const int slot = item / BLOCK_N, filter = first_n + channel_of(item % BLOCK_N);
        const int chunk = slot;
        const Offset first = Offset(filter) * 27 + chunk / LINE_CHUNKS * 9;
        WeightChunk own = {};
        GLASS_UNROLL
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            const int place = chunk % LINE_CHUNKS * 2 + pixel - 1;
            const int tap = place;
            if (filter < N && u32(tap) < 3u) {
                GLASS_UNROLL
                for (int channel = 0; channel < CHANNELS; channel++) own[pixel * 4 + channel] = load(x1, first + tap * 3 + channel);
            }
        }
        weights[slot * SLOT_PITCH + item % BLOCK_N] = own;
    }

    const int lane = lane_id();
    // Of this lane: a column, and which slot.
    const WeightChunk* const own_weights = weights + lane / 8 % 2 * SLOT_PITCH + lane / 16 * 8 + lane % 8;
    // Of this lane: row lane % 8 of a tile, and which matrix of a load.
    const unsigned char* const own_rows = patch + warp_id() % 4 * 1600 + lane % 8 * 16;
    const unsigned char* const own_rows0 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 400 : 416);
    const unsigned char* const own_rows1 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 16 : 16);

    // Epilogue operands of 8 results that are the same in every row.
    struct Along {
        Vec<f32, 8> x2_1;
    };
    Along along_all[2] = {};
    GLASS_UNROLL
    for (int part = 0; part < 2; part++) {
        const int n = first_n + part * (4 * VECTOR) + lane % 4 * VECTOR;
        Along& along = along_all[part];
        if (n < N) {
            along.x2_1 = load_wide<8>(x2, n);
        }
    }
    // Epilogue operands of 8 results of one row.
    struct Beside {
        Vec<f16, 8> x3_3;
    };

    int parity = 0;
    for (int run = block_x(); run < 6; run += grid_x()) {
        const int first_x = 0;
        const int image = run / 3, first_y = run % 3 * 8;
        sync_threads();  // the patch before has been read
        const int left = first_x * 2 - 2 + thread_x() % LANES * 2;
        const Offset origin = Offset(image) * 4059 + Offset(left) * 3;
        u32 spoil = 0;
        if (thread_x() == 0) flags[parity ^ 1] = 0;
        #pragma unroll 1
        for (int line = thread_x() / LANES; line < PATCH_LINES; line += THREADS / LANES) {
            const int y = first_y * 2 - 1 + line;
            Vec<f16, PIXELS> read[1][CHANNELS] = {};
            if (u32(y) < u32(33)) {
                const Offset first = origin + Offset(y) * 123;
                GLASS_UNROLL
                for (int pixel = 0; pixel < PIXELS; pixel++) {
                    const int x = left + pixel;
                    if (u32(x) < u32(41)) {
                        GLASS_UNROLL
                        for (int channel = 0; channel < CHANNELS; channel++) read[0][channel][pixel] = load(x0, first + pixel * Offset(3) + Offset(channel));
                    }
                }
            }
            Chunk own = {};
            GLASS_UNROLL
            for (int pixel = 0; pixel < PIXELS; pixel++) {
                GLASS_UNROLL
                for (int channel = 0; channel < CHANNELS; channel++) own[pixel * 4 + channel] = convert<f16>(read[0][channel][pixel]);
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
        #pragma unroll 1
        for (int tile = 0; tile < TILES; tile++) {
            if (first_x + tile * 8 < 21) {
            u32 window[3][4];
                ldmatrix_x4(window[0], own_rows0 + tile * 128);
                ldmatrix_x4(window[1], own_rows0 + tile * 128 + 800);
                ldmatrix_x4(window[2], own_rows1 + tile * 128 + 1600);

                f32 sum[BLOCK_N / 8][4] = {};
                auto multiply = [&](const u32 (&a)[4], int step) {
                    GLASS_UNROLL
                    for (int j = 0; j < BLOCK_N / 8; j += 2) {
                        u32 pair[4];
                        ldmatrix_x4(pair, own_weights + step * 2 * SLOT_PITCH + j * 8);
                        const u32 even[2] = {pair[0], pair[1]}, odd[2] = {pair[2], pair[3]};
                        mma_m16n8k16(sum[j], a, even, f16{});
                        mma_m16n8k16(sum[j + 1], a, odd, f16{});
                    }
                };
                multiply({ window[0][0], window[1][0], window[0][1], window[1][1] }, 0);
                multiply({ window[0][2], window[1][2], window[0][3], window[1][3] }, 1);
                multiply({ window[1][0], window[2][0], window[1][1], window[2][1] }, 2);

                if (flags[parity]) {
                    GLASS_UNROLL
                    for (int j = 0; j < BLOCK_N / 8; j++) {
                        GLASS_UNROLL
                        for (int i = 0; i < 4; i++) sum[j][i] = 0;
                    }
                    #pragma unroll 1
                    for (int item = 0; item < 27; item++) {
                        const int tap_y = item / 9;
                        const int pixel = item / CHANNELS % 3 + 1;
                        const int element = pixel % PIXELS * 4 + item % CHANNELS;
                        const int chunk = tap_y * LINE_CHUNKS + pixel / PIXELS;
                        const int row = (warp_id() % 4 * 2 * 2 + tap_y) * PITCH + (tile * 8 + lane / 4) + pixel / PIXELS;
                        const Chunk* const windows = reinterpret_cast<const Chunk*>(patch) + row;
                        GLASS_UNROLL
                        for (int j = 0; j < BLOCK_N / 8; j++) {
                            GLASS_UNROLL
                            for (int i = 0; i < 4; i++) {
                                const f32 value = convert<f32>(windows[i / 2 * 50][element]);
                                const f32 weight = convert<f32>(weights[chunk * SLOT_PITCH + j * 8 + lane % 4 * 2 + i % 2][element]);
                                sum[j][i] += value * weight;
                            }
                        }
                    }
                }
                const int x = first_x + tile * 8 + lane / 4;
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    const int y = first_y + warp_id() % 4 * 2 + half;
                    if (!(x < 21 && y < 17)) continue;
                    const int m = (image * 17 + y) * 21 + x;
                    GLASS_UNROLL
                    for (int part = 0; part < 2; part++) {
                        const int n = first_n + part * (4 * VECTOR) + lane % 4 * VECTOR;
                        if (n < N) {
                        f32 accumulator[VECTOR];
                            GLASS_UNROLL
                            for (int i = 0; i < VECTOR; i++) accumulator[i] = sum[part * (VECTOR / 2) + i / 2][half * 2 + i % 2];
                            const Along& along = along_all[part];
                            Beside beside;
                            beside.x3_3 = load_wide<8>(x3, n + m*40);
                            Vec<f16, 8> y0_8;
                            GLASS_UNROLL
                            for (int lane = 0; lane < 8; ++lane) {
                                const f32 add_2 = accumulator[lane] + along.x2_1[lane];
                                const f32 cast4 = convert<f32>(beside.x3_3[lane]);
                                const f32 add_5 = add_2 + cast4;
                                const f32 max_6 = m_max(add_5, 0x0p+0f);
                                const f16 cast7 = convert<f16>(max_6);
                                y0_8[lane] = cast7;
                            }
                            store_wide<8>(y0, n + m*40, y0_8);
                        }
                    }
                }
            }
        }
        parity ^= 1;
    }
}
