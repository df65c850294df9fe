// kernel: packed_matmul, cast
//
// Product of few rows with packed weights of 4 bits on tensor cores (f16, accumulators in f32): block tile 8 x 32, 4 warps and 2 blocks share k, 3 stages of bulk copies for each warp.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int BLOCK_M = 8, BLOCK_N = 32, TILES = 2, ROW_TILES = 1;
constexpr int WARPS = 4, THREADS = 128, SPLITS = 2;
constexpr int STEP = 128, LINE = 64, LINES = 2;  // elements of k in a step of a warp, and in a line, which is four mma
constexpr int CHUNK = 8, PIECE = 8, PIECES = 16 / PIECE;  // elements of 16 bytes, those of a row that a lane loads at a time, and its loads from a line
constexpr int RECORD = 1280;  // bytes of the weights of 16 columns by 128 elements of k
constexpr int BLOCKS = 4;  // of k in a record, each of which has scales
constexpr int PRODUCTS = 2;  // mma in a block of k
constexpr int VECTOR = 4;  // columns that a thread finishes at a time
constexpr int COLUMNS = BLOCK_N / VECTOR;  // vectors per row of the tile
constexpr int QUAD = 4;  // accumulators read from shared memory at a time
constexpr int SUMS_PITCH = 40;  // row pitch, padded so that fragments are stored without bank conflicts

// Swizzled offset of a staged accumulator, by row and column of the tile: every second run of eight quads swaps its
// neighbours, so that eight threads that read every other quad hit eight different banks.
GLASS_DEVICE int sum_slot(int row, int column) { return row * SUMS_PITCH + (column ^ (column >> 3 & 4)); }

GLASS_KERNEL(THREADS, 4) kernel(Input<f16> x0, Input<u64> x1, Output<f16> y0, const GLASS_TENSOR_MAP b_map) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    // The blocks of the cluster send each other sums, once all of them have a barrier.
    Barrier& sums_barrier = *reinterpret_cast<Barrier*>(shared + 51296);
    f32* const own_sums = reinterpret_cast<f32*>(shared + 51312);
    if (thread_x() == 0) {
        barrier_init(sums_barrier, 1);
        barrier_fence_init();
        barrier_expect(sums_barrier, 1024);
    }
    cluster_arrive();
    const int M = 5;
    const int N = 100;
    const int K = 4096;
    const int tiles_m = (M + BLOCK_M - 1) / BLOCK_M;
    const int tile = block_x();
    const int tile_n = tile / tiles_m, tile_m = tile - tile_n * tiles_m;
    // Split-k: steps of k are shared by the blocks of the cluster.
    const int share = ((K + STEP - 1) / STEP + SPLITS - 1) / SPLITS * STEP;
    const int k_begin = block_y() * share, k_end = m_min(K, k_begin + share);

    constexpr int STAGES = 3, LINE_BYTES = 128, STAGE_BYTES = 2560;
    constexpr int ROW_LINES = 5;  // that the block keeps
    unsigned char* const own_lines = shared + 30720;
    unsigned char* const ring = shared + warp_id() * (STAGES * STAGE_BYTES);
    Barrier* const full = reinterpret_cast<Barrier*>(shared + 51200) + warp_id() * STAGES;
    const int lane = lane_id(), first_k = k_begin + warp_id() * STEP;
    const int steps = (k_end - first_k + WARPS * STEP - 1) / (WARPS * STEP);
    auto copy_b = [&](int stage, int step) {
        tma_load_3d(ring + stage * STAGE_BYTES, b_map, full[stage], 0, first_k / STEP + step * WARPS, tile_n * TILES);
    };
    if (lane == 0) {
        for (int stage = 0; stage < STAGES; stage++) barrier_init(full[stage], 1);
        barrier_fence_init();
    }

    f32 sum[TILES][ROW_TILES][4] = {};
    if (lane == 0) {
        for (int step = 0; step < m_min(STAGES, steps); step++) {
            barrier_expect(full[step], TILES * RECORD);
            copy_b(step, step);
        }
    }
    pdl_wait();
    for (int item = lane; item < steps * (LINES * ROW_LINES * 8); item += 32) {
        const int chunk = item % 8, row = item / 8 % ROW_LINES, own = item / (8 * ROW_LINES);
        const int line = (own / LINES * WARPS + warp_id()) * LINES + own % LINES, k = k_begin + line * LINE + chunk * CHUNK;
        const int m = tile_m * BLOCK_M + row;
        unsigned char* const to = own_lines + (line * ROW_LINES + row) * LINE_BYTES + (chunk ^ (row & 7)) * 16;
        cp_async<16>(to, x0, Offset(m_min(m, M - 1)) * 4096 + k, m < M && k < K);
    }
    cp_async_commit();
    sync_warp();
    int row_place[ROW_TILES][PIECES];
    GLASS_UNROLL
    for (int part = 0; part < PIECES; part++) {
        const int row = m_min(lane / 4, ROW_LINES - 1);
        row_place[0][part] = row * LINE_BYTES + ((part * 4 + lane % 4) ^ (row & 7)) * 16;
    }
    cp_async_wait<0>();
    sync_warp();
    const int field_place = 1024 + lane / 4 * 8;  // of the scales of the lane's columns
    int stage = 0;
    u32 parity = 0;
    #pragma unroll 1
    for (int step = 0; step < steps; step++) {
        barrier_wait(full[stage], parity);
        const unsigned char* const weights = ring + stage * STAGE_BYTES;
        const unsigned char* const lines = own_lines + ((warp_id() + step * WARPS) * LINES) * (ROW_LINES * LINE_BYTES);
        Vec<u32, 4> b_words[TILES];
        #pragma unroll 2
        for (int block = 0; block < BLOCKS; block++) {
            u32 rows[2][ROW_TILES][2];
            const auto own = load_shared<Vec<u32, PIECE / 2>>(lines + block / PIECES * (ROW_LINES * LINE_BYTES) + row_place[0][block % PIECES]);
            GLASS_UNROLL
            for (int word = 0; word < PIECE / 2; word++) rows[word / 2][0][word % 2] = own[word];
            f32 middle[ROW_TILES][4] = {}, part[TILES][ROW_TILES][4];
            GLASS_UNROLL
            for (int product = 0; product < PRODUCTS; product++) {
                const u32 numbers[4] = {0x80088008u, 0x80808080u, 0x80088008u, 0x80808080u};
                mma_m16n8k16(middle[0], numbers, rows[product][0], f16{});
            }
            GLASS_UNROLL
            for (int i = 0; i < TILES; i++) {
                GLASS_UNROLL
                for (int place = 0; place < 4; place++) part[i][0][place] = middle[0][place];
            }
            GLASS_UNROLL
            for (int product = 0; product < PRODUCTS; product++) {
                GLASS_UNROLL
                for (int i = 0; i < TILES; i++) {
                    if ((block * 2 + product) % 4 == 0) b_words[i] = load_shared<Vec<u32, 4>>(weights + i * RECORD + ((block * 2 + product) / 4 * 32 + lane) * 16);
                    const u32 word = b_words[i][(block * 2 + product) % 4], upper = word >> 8;
                    const u32 floats[4] = {word & 0x000f000fu, word & 0x00f000f0u, upper & 0x000f000fu, upper & 0x00f000f0u};
                    mma_m16n8k16(part[i][0], floats, rows[product][0], f16{});
                }
            }
            GLASS_UNROLL
            for (int i = 0; i < TILES; i++) {
                const auto fields = load_shared<Vec<f16, 4>>(weights + i * RECORD + block * 64 + field_place);
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    const f32 scale = convert<f32>(fields[half * 2]);
                    const f32 offset = convert<f32>(fields[half * 2 + 1]) * -0.125f;
                    GLASS_UNROLL
                    for (int place = half * 2; place < half * 2 + 2; place++) sum[i][0][place] = m_fma(scale, m_fma(offset, middle[0][place], part[i][0][place]), sum[i][0][place]);
                }
            }
        }
        sync_warp();  // all lanes have read the step
        if (lane == 0 && step + STAGES < steps) {
            barrier_expect(full[stage], TILES * RECORD);
            copy_b(stage, step + STAGES);
        }
        stage = stage + 1 == STAGES ? 0 : stage + 1;
        parity ^= stage == 0;
    }
    GLASS_UNROLL
    for (int i = 0; i < TILES; i++) {
        GLASS_UNROLL
        for (int place = 0; place < 4; place++) sum[i][0][place] *= place < 2 ? 0x1p+24f : 0x1p+20f;
    }
    sync_threads();  // sums are staged where the steps were

    // Stage the accumulators of all warps, so that each thread finishes whole vectors of columns.
    f32* const sums = reinterpret_cast<f32*>(shared);
    GLASS_UNROLL
    for (int i = 0; i < TILES; i++) {
        GLASS_UNROLL
        for (int place = 0; place < 4; place++) {
            const int row = lane % 4 * 2 + place % 2, column = i * 16 + place / 2 * 8 + lane / 4;
            sums[sum_slot(warp_id() * BLOCK_M + row, column)] = sum[i][0][place];
        }
    }
    constexpr int OWN_ROWS = BLOCK_M / SPLITS;  // rows of the tile that each block of the cluster finishes
    const int first_m = tile_m * BLOCK_M + cluster_rank() * OWN_ROWS;
    const int own_row = thread_x() / COLUMNS, column = thread_x() % COLUMNS * VECTOR;
    const int n = tile_n * BLOCK_N + column;
    const int rows_left = M - first_m;

    sync_threads();
    cluster_wait();
    if (thread_x() < BLOCK_M * (BLOCK_N / QUAD)) {
        const int sent_row = thread_x() / (BLOCK_N / QUAD), sent_column = thread_x() % (BLOCK_N / QUAD) * QUAD;
        auto total = *reinterpret_cast<const Vec<f32, QUAD>*>(sums + sum_slot(sent_row, sent_column));
        GLASS_UNROLL
        for (int group = 1; group < 4; group++) {
            const auto other = *reinterpret_cast<const Vec<f32, QUAD>*>(sums + sum_slot(group * BLOCK_M + sent_row, sent_column));
            GLASS_UNROLL
            for (int i = 0; i < QUAD; i++) total[i] += other[i];
        }
        cluster_store(own_sums + sum_slot(cluster_rank() * OWN_ROWS + sent_row % OWN_ROWS, sent_column), sent_row / OWN_ROWS, sums_barrier, total);
    }
    barrier_wait(sums_barrier, 0);
    if (n >= N) return;
    auto finish_row = [&](int row) {
        const int m = first_m + row;
        f32 accumulator[VECTOR];
        auto part = *reinterpret_cast<const Vec<f32, QUAD>*>(own_sums + sum_slot(row, column));
        const auto other = *reinterpret_cast<const Vec<f32, QUAD>*>(own_sums + sum_slot(OWN_ROWS + row, column));
        GLASS_UNROLL
        for (int i = 0; i < QUAD; i++) part[i] += other[i];
        GLASS_UNROLL
        for (int i = 0; i < QUAD; i++) accumulator[i] = part[i];
        Vec<f16, 4> y0_2;
        GLASS_UNROLL
        for (int lane = 0; lane < 4; ++lane) {
            const f16 cast1 = convert<f16>(accumulator[lane]);
            y0_2[lane] = cast1;
        }
        store_wide<4>(y0, m*100 + n, y0_2);
    };
    if (own_row < OWN_ROWS && own_row < rows_left) finish_row(own_row);
}
