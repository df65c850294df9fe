// kernel: conv, max_pool, add, relu, cast
//
// Convolution of 3 channels, and maxima of its outputs. A block walks down an image in bands of 16 lines of outputs. It brings
// the part of the image that a band reads to shared memory, with 8 elements for each pixel. A warp goes through its columns
// from right to left, two at a time, a unit; maxima leave it before anything else is computed of them.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Total = f32;
constexpr int THREADS = 128;
constexpr int UNITS = 2;  // of a warp, neighbours along the width
constexpr int BLOCK_N = 16, VECTOR = 4;  // output channels of a block; adjacent results of a thread
constexpr int VALUES = 4;  // sums of a thread for an output
constexpr int CHUNK = 8, PIXELS = 1, CHANNELS = 3;  // elements and pixels of 16 bytes; channels with numbers
constexpr int LINE_CHUNKS = 3, SLOTS = 10;  // chunks of a line of the window; of the whole window
constexpr int PATCH_LINES = 18, PATCH_CHUNKS = 18;  // of a band
constexpr int PITCH = 19, SLOT_PITCH = 16;  // chunks from line to line of the patch, from slot to slot of the weights
constexpr int LANES = 32;  // threads that bring a line of the patch together

using Chunk = Vec<f16, CHUNK>;
using WeightChunk = Vec<f16, CHUNK>;

// The output channel of a column of the product: those of a thread, which lie eight columns apart, are neighbours.
GLASS_DEVICE int channel_of(int column) {
    return column / (4 * VECTOR) * (4 * VECTOR) + column % 8 / 2 * VECTOR + column % (4 * VECTOR) / 8 * 2 + column % 2;
}

GLASS_KERNEL(THREADS, 2) kernel(Input<f16> x0, Input<f16> x1, Input<f32> x2, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int first_n = block_y() * BLOCK_N;
    WeightChunk* const weights = reinterpret_cast<WeightChunk*>(shared);
    unsigned char* const patch = shared + 2560;
    u32* const flags = reinterpret_cast<u32*>(patch + 5472);  // of two bands: an element is not finite
    if (thread_x() < 2) flags[thread_x()] = 0;
    pdl_wait();
    #pragma unroll 4
    for (int item = thread_x(); item < SLOTS * BLOCK_N; item += THREADS) {
        const int slot = item / BLOCK_N, filter = first_n + channel_of(item % BLOCK_N);
        const int chunk = slot == SLOTS - 1 ? SLOTS - 2 : slot;  // the one before it has no weights
        const Offset first = Offset(filter) * 27 + chunk / LINE_CHUNKS * 9;
        WeightChunk own = {};
        const int place = chunk % LINE_CHUNKS;
        const int tap = place;
        if (slot != SLOTS - 2 && u32(tap) < 3u) {
            GLASS_UNROLL
            for (int channel = 0; channel < CHANNELS; channel++) own[channel] = load(x1, first + tap * 3 + channel);
        }
        weights[slot * SLOT_PITCH + item % BLOCK_N] = own;
    }

    const int lane = lane_id(), warp = warp_id();
    // Of this lane: a column, and which slot.
    const WeightChunk* const own_weights = weights + lane / 8 % 2 * SLOT_PITCH + lane / 16 * 8 + lane % 8;
    // Of this lane: a line of outputs, and which matrix of a load.
    const unsigned char* const own_rows = patch + lane % 8 * 304 + (warp * UNITS) * 32;
    const unsigned char* const own_rows0 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? 32 : 2736);
    const unsigned char* const own_rows1 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 16) : lane < 24 ? -2448 : -2432);
    const unsigned char* const own_rows2 = own_rows + (lane < 16 ? (lane < 8 ? 0 : 2704) : lane < 24 ? 2720 : 2736);

    // Epilogue operands of 4 results that are the same in every row.
    struct Along {
        Vec<f32, 4> x2_1;
    };
    Along along_all[1] = {};
    const int n = first_n + lane % 4 * VECTOR;
    Along& along = along_all[0];
    along.x2_1 = load_wide<4>(x2, n);

    int parity = 0;
    for (int run = block_x(); run < 12; run += grid_x()) {
        const int first_column = run % 3 * 8;
        const int first_row = run / 3 % 2 * 8;
        const int image = run / 3 / 2;
        const int row = first_row;  // the first unit
        if (row >= 15) continue;
        const int first_x = first_column * 2, first_y = row * 2;
        sync_threads();  // the patch before has been read
        const int left = first_x - 1 + thread_x() % LANES;
        const Offset origin = Offset(image) * 3060 + Offset(left) * 3;
        u32 spoil = 0;
        if (thread_x() == 0) flags[parity ^ 1] = 0;
        const int first_line = thread_x() / LANES;
        Vec<f16, PIXELS> lines[5][1][CHANNELS] = {};
        GLASS_UNROLL
        for (int number = 0; number < 5; number++) {
            const int line = first_line + number * 4, y = first_y - 1 + line;
            if (line >= PATCH_LINES) break;
            auto& read = lines[number];
            if (u32(y) < u32(30)) {
                const Offset first = origin + Offset(y) * 102;
                const int x = left;
                if (u32(x) < u32(34)) {
                    GLASS_UNROLL
                    for (int channel = 0; channel < CHANNELS; channel++) read[0][channel][0] = load(x0, first + (0) * Offset(3) + Offset(channel));
                }
            }
        }
        GLASS_UNROLL
        for (int number = 0; number < 5; number++) {
            const int line = first_line + number * 4;
            if (line >= PATCH_LINES) break;
            auto& read = lines[number];
            Chunk own = {};
            GLASS_UNROLL
            for (int channel = 0; channel < CHANNELS; channel++) own[channel] = convert<f16>(read[0][channel][0]);
            const auto words = bit_cast<Vec<u32, 4>>(own);
            GLASS_UNROLL
            for (int word = 0; word < 4; word++) spoil = spoiled(spoil, words[word], f16{});
            const int chunk = thread_x() % LANES;
            if (chunk < PATCH_CHUNKS) reinterpret_cast<Chunk*>(patch)[(line % 2 * 9 + line / 2) * PITCH + chunk] = own;
        }

        if (spoil != 0) flags[parity] = 1;

        fence_proxy_async();
        sync_threads();
        Total waiting[2][VALUES] = {};  // of two lines: the second column of a unit
        #pragma unroll 1
        for (int unit = UNITS - 1; unit >= 0; unit--) {
            const int own = unit;
            {
            f32 sum[BLOCK_N / 8][4] = {};
            u32 window[3][4];
            ldmatrix_x4(window[0], own_rows0 + own * 32 + 16);
            ldmatrix_x4(window[1], own_rows1 + own * 32 + 16 + 2752);
            ldmatrix_x4(window[2], own_rows2 + own * 32 + 16 + 336);

            auto multiply = [&](const u32 (&a)[4], int step) {
                u32 pair[4];
                ldmatrix_x4(pair, own_weights + step * 2 * SLOT_PITCH);
                const u32 even[2] = {pair[0], pair[1]}, odd[2] = {pair[2], pair[3]};
                mma_m16n8k16(sum[0], a, even, f16{});
                mma_m16n8k16(sum[1], a, odd, f16{});
            };
            multiply({ window[0][0], window[0][3], window[0][1], window[1][0] }, 0);
            multiply({ window[0][2], window[1][1], window[0][3], window[1][2] }, 1);
            multiply({ window[1][0], window[1][3], window[1][1], window[2][0] }, 2);
            multiply({ window[1][2], window[2][1], window[1][3], window[2][2] }, 3);
            multiply({ window[0][0], window[0][3], window[2][0], window[2][3] }, 4);

            if (flags[parity]) {
                GLASS_UNROLL
                for (int j = 0; j < BLOCK_N / 8; j++) {
                    GLASS_UNROLL
                    for (int i = 0; i < 4; i++) sum[j][i] = 0;
                }
                #pragma unroll 1
                for (int item = 0; item < 27; item++) {
                    const int tap_y = item / 9, y = tap_y;
                    const int pixel = item / CHANNELS % 3;
                    const int element = pixel % PIXELS * 8 + item % CHANNELS;
                    const int chunk = tap_y * LINE_CHUNKS + pixel / PIXELS, slot = chunk == SLOTS - 2 ? SLOTS - 1 : chunk;
                    const Chunk* const windows = reinterpret_cast<const Chunk*>(patch) + lane / 4 * PITCH + (warp * UNITS + own) * 2 + 1 + pixel / PIXELS;
                    GLASS_UNROLL
                    for (int half = 0; half < 2; half++) {
                        const int below = y + half;
                        const Chunk& window = windows[(below % 2 * 9 + below / 2) * PITCH];
                        GLASS_UNROLL
                        for (int j = 0; j < BLOCK_N / 8; j++) {
                            GLASS_UNROLL
                            for (int i = 0; i < 2; i++) {
                                const f32 weight = convert<f32>(weights[slot * SLOT_PITCH + j * 8 + lane % 4 * 2 + i][element]);
                                sum[j][half * 2 + i] += convert<f32>(window[element]) * weight;
                            }
                        }
                    }
                }
            }

            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                GLASS_UNROLL
                for (int q = 0; q < VALUES; q++) waiting[half][q] = sum[q / 2][half * 2 + q % 2];
            }
            }
            {
            f32 sum[BLOCK_N / 8][4] = {};
            u32 window[3][4];
            ldmatrix_x4(window[0], own_rows0 + own * 32);
            ldmatrix_x4(window[1], own_rows1 + own * 32 + 2752);
            ldmatrix_x4(window[2], own_rows2 + own * 32 + 336);

            auto multiply = [&](const u32 (&a)[4], int step) {
                u32 pair[4];
                ldmatrix_x4(pair, own_weights + step * 2 * SLOT_PITCH);
                const u32 even[2] = {pair[0], pair[1]}, odd[2] = {pair[2], pair[3]};
                mma_m16n8k16(sum[0], a, even, f16{});
                mma_m16n8k16(sum[1], a, odd, f16{});
            };
            multiply({ window[0][0], window[0][3], window[0][1], window[1][0] }, 0);
            multiply({ window[0][2], window[1][1], window[0][3], window[1][2] }, 1);
            multiply({ window[1][0], window[1][3], window[1][1], window[2][0] }, 2);
            multiply({ window[1][2], window[2][1], window[1][3], window[2][2] }, 3);
            multiply({ window[0][0], window[0][3], window[2][0], window[2][3] }, 4);

            if (flags[parity]) {
                GLASS_UNROLL
                for (int j = 0; j < BLOCK_N / 8; j++) {
                    GLASS_UNROLL
                    for (int i = 0; i < 4; i++) sum[j][i] = 0;
                }
                #pragma unroll 1
                for (int item = 0; item < 27; item++) {
                    const int tap_y = item / 9, y = tap_y;
                    const int pixel = item / CHANNELS % 3;
                    const int element = pixel % PIXELS * 8 + item % CHANNELS;
                    const int chunk = tap_y * LINE_CHUNKS + pixel / PIXELS, slot = chunk == SLOTS - 2 ? SLOTS - 1 : chunk;
                    const Chunk* const windows = reinterpret_cast<const Chunk*>(patch) + lane / 4 * PITCH + (warp * UNITS + own) * 2 + pixel / PIXELS;
                    GLASS_UNROLL
                    for (int half = 0; half < 2; half++) {
                        const int below = y + half;
                        const Chunk& window = windows[(below % 2 * 9 + below / 2) * PITCH];
                        GLASS_UNROLL
                        for (int j = 0; j < BLOCK_N / 8; j++) {
                            GLASS_UNROLL
                            for (int i = 0; i < 2; i++) {
                                const f32 weight = convert<f32>(weights[slot * SLOT_PITCH + j * 8 + lane % 4 * 2 + i][element]);
                                sum[j][half * 2 + i] += convert<f32>(window[element]) * weight;
                            }
                        }
                    }
                }
            }

            Total value[2][VALUES];
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                GLASS_UNROLL
                for (int q = 0; q < VALUES; q++) value[half][q] = m_max(waiting[half][q], sum[q / 2][half * 2 + q % 2]);
            }
                Total maximum[VALUES];
                GLASS_UNROLL
                for (int q = 0; q < VALUES; q++) maximum[q] = m_max(value[0][q], value[1][q]);
                const int column = first_column + warp * UNITS + unit, line = row + lane / 4;
                const int x = column, y = line;
                if (u32(x) < u32(17) && u32(y) < u32(15)) {
                    const int m = (image * 15 + y) * 17 + x;
                    const int n = first_n + lane % 4 * VECTOR;
                    f32 accumulator[VECTOR];
                    GLASS_UNROLL
                    for (int i = 0; i < VECTOR; i++) accumulator[i] = maximum[i];
                    const Along& along = along_all[0];
                    Vec<f16, 4> y0_5;
                    GLASS_UNROLL
                    for (int lane = 0; lane < 4; ++lane) {
                        const f32 add_2 = accumulator[lane] + along.x2_1[lane];
                        const f32 max_3 = m_max(add_2, 0x0p+0f);
                        const f16 cast4 = convert<f16>(max_3);
                        y0_5[lane] = cast4;
                    }
                    store_wide<4>(y0, n + m*16, y0_5);
                }
            }
        }
        parity ^= 1;
    }
}
