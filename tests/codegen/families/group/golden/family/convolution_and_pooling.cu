// k_max_pool_conv_add_relu_b956aee9: max_pool + conv, add, relu, cast
// from ONNX nodes max_pool4, conv1, add2, relu3
//
// A group: 2 independent kernels in one launch. The block index selects the kernel that a block runs.
#include "glass.cuh"
using namespace glass;

// member_0: max_pool
//
// Maxima of windows, channels last: each thread computes 2 channels of 1 x 1 neighbouring output positions, line
// by line of the input; a block covers some channels of several such strips.
namespace member_0 {

using Offset = int;  // counts elements of a buffer
constexpr int VECTOR = 2;  // channels per thread
constexpr int ROWS = 1, PIXELS = 1;  // output lines per thread, and positions of each
constexpr int LINES = 3, COLUMNS = 3;  // lines and columns of the input for these
constexpr int LINE_TAPS = 3;  // of the window, from line to line
constexpr int AHEAD = 2;  // lines that are loaded before they are used

static GLASS_DEVICE void run(Input<f16> x0, Output<f16> y0, const int own_block) {
    pdl_launch_dependents();
    const int N = 32;
    const int channels = 32;  // of the block
    const int strips = 8;  // of the block
    const int lanes = 16;
    const int per_lanes = 67108864;
    const int channel_blocks = 1;
    const int per_channel_blocks = 1073741824;
    const int strips_y = 14;
    const int per_strips_y = 76695845;
    const int strips_x = 14;
    const int per_strips_x = 76695845;

    const int strip_block = int(i64(own_block) * per_channel_blocks >> 30);
    const int first_channel = (own_block - strip_block * channel_blocks) * channels;
    const int own_strip = int(i64(thread_x()) * per_lanes >> 30);
    const int own_channel = (thread_x() - own_strip * lanes) * VECTOR;
    const int strip = strip_block * strips + own_strip;
    const int strip_line = int(i64(strip) * per_strips_x >> 30);
    const int own_plane = int(i64(strip_line) * per_strips_y >> 30);  // flat index over the output dimensions but the innermost two
    const int first_out_x = (strip - strip_line * strips_x) * PIXELS;
    const int first_out_y = (strip_line - own_plane * strips_y) * ROWS;

    pdl_wait();
    const int n = first_channel + own_channel;
    if (n >= N || own_strip >= strips || own_plane >= 1) return;
    const int image = own_plane;
    const int out_y_stride = 1;
    const int in_y = first_out_y * out_y_stride - 1;
    const int out_x_stride = 1;
    const int in_x = first_out_x * out_x_stride - 1;
    const Offset origin = n + Offset(image) * 6272 + Offset(in_y) * 448 + Offset(in_x) * 32;

    Packed<f16, VECTOR> most[ROWS][PIXELS];
    auto finish = [&](int row) {
        const int m = (own_plane * 14 + first_out_y + row) * 14 + first_out_x;
        const Vec<f16, VECTOR> maximum = unpacked(most[row][0]);
        store_wide<2>(y0, n + m*96, maximum);
    };
    Packed<f16, VECTOR> loaded[AHEAD + 1][COLUMNS];
    auto load_line = [&](int line) {
        const bool line_inside = (line != 0 && line != 2 || u32(in_y + line) < u32(14));
        GLASS_UNROLL
        for (int column = 0; column < COLUMNS; column++) {
            loaded[line % (AHEAD + 1)][column] = filled<VECTOR>(f16{0xfc00});
            load_packed_if<VECTOR>(line_inside && (column != 0 && column != 2 || u32(in_x + column) < u32(14)), loaded[line % (AHEAD + 1)][column], x0, origin + Offset(line) * 448 + Offset(column) * 32);
        }
    };
    GLASS_UNROLL
    for (int line = 0; line < AHEAD; line++) load_line(line);
    GLASS_UNROLL
    for (int line = 0; line < LINES; line++) {
        if (line + AHEAD < LINES) load_line(line + AHEAD);
        const auto& own = loaded[line % (AHEAD + 1)];
        Packed<f16, VECTOR> of_line[PIXELS];
        of_line[0] = own[0];
        GLASS_UNROLL
        for (int tap = 1; tap < 3; tap++) of_line[0] = max_all(of_line[0], own[tap]);
        most[0][0] = line == 0 ? of_line[0] : max_all(most[0][0], of_line[0]);
        if (line == LINE_TAPS - 1) finish(0);
    }
}
}  // namespace member_0

// member_1: conv, add, relu, cast
//
// Implicit matrix product on tensor cores (f16, accumulators in f32):
// block tile 16 x 32 x 128, 1 x 1 x 4 warps (m, n, k), 2 stages, 1 split of k.
namespace member_1 {

using Offset = int;  // counts elements of a buffer
constexpr int BLOCK_M = 16, BLOCK_N = 32, BLOCK_K = 128;
constexpr int THREADS = 128, STAGES = 2;
constexpr int A_TILE = 2048, B_TILE = 4096;  // elements of one stage
constexpr int VECTOR = 8;  // columns that a thread finishes at a time
constexpr int COLUMNS = BLOCK_N / VECTOR;  // vectors per row of the tile
constexpr int QUAD = 4;  // accumulators read from shared memory at a time
constexpr int SUMS_PITCH = 40;  // row pitch, padded so that fragments are stored without bank conflicts

// Swizzled offset of a staged accumulator, by row and column of the tile: every second run of eight quads swaps its
// neighbours, so that eight threads that read every other quad hit eight different banks.
GLASS_DEVICE int sum_slot(int row, int column) { return row * SUMS_PITCH + (column ^ (column >> 3 & 4)); }

// Swizzled offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of a; lines run along M.
GLASS_DEVICE int a_slot(int line, int chunk) {
    return line * 128 + (chunk ^ (line & 7)) * 8;
}

// Swizzled offset (elements) of 16-byte chunk `chunk` of line `line` in a tile of b; lines run along N.
GLASS_DEVICE int b_slot(int line, int chunk) {
    return line * 128 + (chunk ^ (line & 7)) * 8;
}

constexpr int WARP_M = 16, WARP_N = 32;  // tile of one warp
constexpr int FRAGMENTS_M = WARP_M / 16, FRAGMENTS_N = WARP_N / 8;
constexpr int K_STEPS = 2;  // mma steps of one warp per k tile, 32 bytes of k each

static GLASS_DEVICE void run(Input<f16> x0, Input<f16> x1, Input<f32> x2, Output<f16> y0, const int own_block) {
    GLASS_DYNAMIC_SHARED(shared);
    const int M = 196;
    const int N = 64;
    const int K = 32;
    const int tiles_n = (N + BLOCK_N - 1) / BLOCK_N;
    const int tile = own_block;
    const int tile_m = tile / tiles_n;
    const int tile_n = tile - tile_m * tiles_n;
    constexpr int k_tiles = 1;

    f16* const a_tiles = reinterpret_cast<f16*>(shared);
    f16* const b_tiles = reinterpret_cast<f16*>(shared + STAGES * A_TILE * 2);
    const int a_chunk = thread_x() % 16, a_line = thread_x() / 16;
    Offset a_origin[2];
    GLASS_UNROLL
    for (int pass = 0; pass < 2; pass++) {
        a_origin[pass] = Offset(m_min(tile_m * BLOCK_M + a_line + pass * 8, M - 1)) * 32;
    }

    const int b_chunk = thread_x() % 16, b_line = thread_x() / 16;
    const Offset b_origin = Offset(tile_n * BLOCK_N + b_line) * 32;

    auto copy_a = [&](int stage, int k_first, int part, int parts, bool last = true) {
        f16* const tile = a_tiles + stage * A_TILE;
        const int k = k_first + a_chunk * 8;
        const Offset shift = Offset(k);
        GLASS_UNROLL
        for (int pass = part; pass < 2; pass += parts) {
            const int line = a_line + pass * 8;
            const bool inside = (!last || k < K);
            cp_async<16>(tile + a_slot(line, a_chunk), x0, a_origin[pass] + shift, inside);
        }
    };

    auto copy_b = [&](int stage, int k_first, int part, int parts, bool last = true) {
        f16* const tile = b_tiles + stage * B_TILE;
        const int k = k_first + b_chunk * 8;
        const Offset shift = Offset(k);
        const i64 first = b_origin + shift;
        GLASS_UNROLL
        for (int pass = part; pass < 4; pass += parts) {
            const int line = b_line + pass * 8;
            const bool inside = (!last || k < K);
            cp_async<16>(tile + b_slot(line, b_chunk), x1, first + i64(pass * 8) * 32, inside);
        }
    };

    const int lane = lane_id();
    const int warp_k = warp_id();

    // Double-buffered fragments: one set is multiplied while the next is loaded.
    u32 a_fragment[2][FRAGMENTS_M][4];
    u32 b_fragment[2][FRAGMENTS_N][2];
    f32 sum[FRAGMENTS_M][FRAGMENTS_N][4] = {};

    auto load_fragments = [&](int set, int stage, int step) {
        const int k_step = warp_k * K_STEPS + step;
        const f16* const a_tile = a_tiles + stage * A_TILE;
        const f16* const b_tile = b_tiles + stage * B_TILE;
        ldmatrix_x4(a_fragment[set][0], a_tile + a_slot(lane % 16, k_step * 2 + lane / 16));
        GLASS_UNROLL
        for (int j = 0; j < FRAGMENTS_N; j += 2) {
            u32 pair[4];
            ldmatrix_x4(pair, b_tile + b_slot(j * 8 + lane / 16 * 8 + lane % 8, k_step * 2 + lane / 8 % 2));
            b_fragment[set][j][0] = pair[0];
            b_fragment[set][j][1] = pair[1];
            b_fragment[set][j + 1][0] = pair[2];
            b_fragment[set][j + 1][1] = pair[3];
        }
    };

    const int own_row = thread_x() / COLUMNS, column = thread_x() % COLUMNS * VECTOR;
    const int n = tile_n * BLOCK_N + column;
    const int rows_left = M - tile_m * BLOCK_M;
    // Epilogue operands of 8 results that are the same in every row.
    struct Along {
        Vec<f32, 8> x2_1;
    };
    auto read_columns = [&](int n, Along& along) {
        along.x2_1 = load_wide<8>(x2, n);
    };

    Along along;
    read_columns(n, along);
    copy_b(0, 0, 0, 1, 0 == k_tiles - 1);
    pdl_wait();
    pdl_launch_dependents();
    copy_a(0, 0, 0, 1, 0 == k_tiles - 1);
    cp_async_commit();

    cp_async_wait<STAGES - 2>();
    sync_threads();
    load_fragments(0, 0, 0);
    int read_stage = 0, write_stage = STAGES - 1;
    // Multiply tile `k_tile` while prefetching the tile STAGES - 1 ahead, if there is one.
    auto multiply = [&](int k_tile, bool more) {
        const int k_first = (k_tile + STAGES - 1) * BLOCK_K;
        GLASS_UNROLL
        for (int step = 0; step < K_STEPS; step++) {
            if (step == K_STEPS - 1) {
                write_stage = write_stage + 1 == STAGES ? 0 : write_stage + 1;
                // Wait until the next tile has arrived and every warp has finished reading this one.
                cp_async_commit();
                cp_async_wait<STAGES - 2>();
                sync_threads();
                read_stage = read_stage + 1 == STAGES ? 0 : read_stage + 1;
            }
            load_fragments((step + 1) % 2, read_stage, (step + 1) % K_STEPS);
            if (more && step < K_STEPS - 1) {
                copy_a(write_stage, k_first, step, K_STEPS - 1);
                copy_b(write_stage, k_first, step, K_STEPS - 1);
            }
            GLASS_UNROLL
            for (int j = 0; j < FRAGMENTS_N; j++) mma_m16n8k16(sum[0][j], a_fragment[step % 2][0], b_fragment[step % 2][j], f16{});
        }
    };
    multiply(0, false);
    cp_async_wait<0>();
    sync_threads();

    // Stage the accumulators in the pipeline's shared memory, so that each thread finishes whole vectors of columns.
    f32* const sums = reinterpret_cast<f32*>(shared);
    GLASS_UNROLL
    for (int j = 0; j < FRAGMENTS_N; j++) {
        GLASS_UNROLL
        for (int half = 0; half < 2; half++) {
            const int row = warp_k * BLOCK_M + half * 8 + lane / 4;
            const int column = j * 8 + lane % 4 * 2;
            const Vec<f32, 2> pair = {sum[0][j][half * 2], sum[0][j][half * 2 + 1]};
            *reinterpret_cast<Vec<f32, 2>*>(sums + sum_slot(row, column)) = pair;
        }
    }

    sync_threads();
    auto finish_row = [&](int row) {
        const int m = tile_m * BLOCK_M + row;
        f32 accumulator[VECTOR];
        GLASS_UNROLL
        for (int lane = 0; lane < VECTOR; lane += QUAD) {
            auto part = *reinterpret_cast<const Vec<f32, QUAD>*>(sums + sum_slot(row, column + lane));
            GLASS_UNROLL
            for (int group = 1; group < 4; group++) {
                const auto other = *reinterpret_cast<const Vec<f32, QUAD>*>(sums + sum_slot(group * BLOCK_M + row, column + lane));
                GLASS_UNROLL
                for (int i = 0; i < QUAD; i++) part[i] += other[i];
            }
            GLASS_UNROLL
            for (int i = 0; i < QUAD; i++) accumulator[lane + i] = part[i];
        }
        Vec<f16, 8> y0_5;
        GLASS_UNROLL
        for (int lane = 0; lane < 8; ++lane) {
            const f32 add_2 = accumulator[lane] + along.x2_1[lane];
            const f32 max_3 = m_max(add_2, 0x0p+0f);
            const f16 cast4 = convert<f16>(max_3);
            y0_5[lane] = cast4;
        }
        store_wide<8>(y0, n + m*96, y0_5);
    };
    if (own_row < BLOCK_M && own_row < rows_left) finish_row(own_row);
}
}  // namespace member_1

GLASS_KERNEL(128, 2) k_max_pool_conv_add_relu_b956aee9(Input<f16> x0, Input<f16> x1, Input<f16> x2, Input<f32> x3, Output<f16> y0, Output<f16> y1) {
    const int block = block_x();
    const int first_1 = 25;
    if (block < first_1) {
        member_0::run(x0, y0, block);
    } else {
        member_1::run(x1, x2, x3, y1, block - first_1);
    }
}
