// k: lstm
//
// Recurrence by wgmma: 2 blocks for 16 sequences of a direction, 2 warpgroups each.
#include "wgmma_registers.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
constexpr int HIDDEN = 64, GATES = 4, UNITS = 32, THREADS = 256;  // units: of a block
constexpr int ROWS = 16, STEPS = 4, TILES = 2, CLUSTER = 2;  // sequences, and products along k

// Where a unit of a sequence is in the states: in rows of 16 bytes, of which two have the 16 units of a step of k, in the order
// in which a thread has their weights.
GLASS_DEVICE int place_of(int sequence, int unit) {
    return ((unit / 16 * 2 + unit / 2 % 2) * ROWS + sequence) * 8 + unit / 4 % 4 * 2 + unit % 2;
}

GLASS_KERNEL(THREADS, 1) k(Input<f16> x0, Input<f16> x1, Input<f16> x2, Input<i32> x3, Input<f16> x4, Input<f16> x5, Output<f16> y0, Output<f16> y1, Output<f16> y2) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int steps = 100;
    const int batch = 30;
    const int lane = lane_id(), row = lane / 4, column = lane % 4;  // of a fragment: its row, and the word column
    const int own_unit = warp_id() * 4 + row % 4;  // of the block
    const int rank = cluster_rank(), first_unit = rank * UNITS, unit = first_unit + own_unit;
    const int own_row = column * 2 + row / 4;  // of a tile: lanes that have the same sums share the two columns
    const int first_row = block_y() * ROWS, rows = m_min(ROWS, batch - first_row);
    const int direction = block_z();

    f16* const states = reinterpret_cast<f16*>(shared + 128);
    Barrier* const arrived = reinterpret_cast<Barrier*>(shared);  // two of each piece of a state
    if (thread_x() == 0) {
        GLASS_UNROLL
        for (int i = 0; i < 4; i++) barrier_init(arrived[i], 1);
        barrier_fence_init();
    }
    reinterpret_cast<Vec<u32, 4>*>(states)[thread_x()] = Vec<u32, 4>{};
    u32 kept[STEPS][4];
    GLASS_UNROLL
    for (int at = 0; at < STEPS; at++) {
        GLASS_UNROLL
        for (int half = 0; half < 2; half++) {
            const Offset from = (Offset(direction * GATES + half * 2 + row / 4) * HIDDEN + unit) * HIDDEN + (rank + CLUSTER - at / 2) % CLUSTER * UNITS + at % 2 * 16 + column * 4;
            const auto words = bit_cast<Vec<u32, 2>>(load_vec<4>(x1, from));
            kept[at][half] = words[0];
            kept[at][half + 2] = words[1];
        }
    }
    pdl_wait();
    f32 hidden[TILES] = {}, memory[TILES] = {};
    // The steps of each sequence.
    int* const ends_of = reinterpret_cast<int*>(shared + 16512);
    if (thread_x() < 16) {
        const i64 length = thread_x() < rows ? i64(load(x3, first_row + thread_x())) : i64(0);
        ends_of[thread_x()] = int(m_min(m_max(length, i64(0)), i64(steps)));
    }
    sync_threads();
    int ends[TILES];
    f32 peephole[3];
    GLASS_UNROLL
    for (int gate = 0; gate < 3; gate++) {
        peephole[gate] = convert<f32>(load(x5, (direction * 3 + gate) * HIDDEN + unit));
    }
    GLASS_UNROLL
    for (int i = 0; i < TILES; i++) {
        ends[i] = ends_of[i * 8 + own_row];
        if (i * 8 + own_row < rows) {
            const Offset from = (Offset(direction * batch + first_row) + i * 8 + own_row) * HIDDEN + unit;
            hidden[i] = convert<f32>(load(x2, from));
            memory[i] = convert<f32>(load(x4, from));
        }
    }
    // Where the inputs of a step are, and its output: a backward direction begins at the end of a sequence.
    auto turned = [&](int step, int end) { return direction == 1 && step < end ? end - 1 - step : step; };
    f16* const inputs = reinterpret_cast<f16*>(shared + 4224);
    auto load_inputs = [&](int step) {
        if (step < steps) {
            f16* const to = inputs + step % 3 * 2048;
            const int units = thread_x() % (UNITS / 8), gate = thread_x() / (UNITS / 8) % GATES, sequence = thread_x() / 16;
            const Offset from = ((Offset(turned(step, ends_of[sequence])) * batch + first_row + sequence) * 2 + direction) * (GATES * HIDDEN) + gate * HIDDEN + first_unit + units * 8;
            cp_async<16>(to + ((gate * (UNITS / 8) + units) * ROWS + sequence) * 8, x0, from, sequence < rows);
        }
        cp_async_commit();
    };
    GLASS_UNROLL
    for (int first = 0; first < 2; first++) load_inputs(first);
    auto store_output = [&](int step) {
        const f16* const own = states + (step + 1) % 2 * 1024 + first_unit * ROWS;
        if (thread_x() < 64) {
            const int units = thread_x() % (UNITS / 8), sequence = thread_x() / (UNITS / 8);
            if (sequence < rows) {
                const f16* const from = own + place_of(sequence, units * 8);
                const auto low = *reinterpret_cast<const Vec<u32, 2>*>(from), high = *reinterpret_cast<const Vec<u32, 2>*>(from + ROWS * 8);
                Vec<u32, 4> words{low[0], high[0], low[1], high[1]};
                if (step >= ends_of[sequence]) words = Vec<u32, 4>{};
                const Offset to = ((Offset(turned(step, ends_of[sequence])) * batch + first_row + sequence) * 2 + direction) * HIDDEN + first_unit + units * 8;
                store_vec<8>(y0, to, bit_cast<Vec<f16, 8>>(words));
            }
        }
    };
    sync_threads();
    for (int i = thread_x(); i < rows * HIDDEN; i += THREADS) {
        const int sequence = i / HIDDEN, of = i % HIDDEN;
        states[place_of(sequence, of)] = load(x2, (Offset(direction * batch + first_row) + sequence) * HIDDEN + of);
    }
    if (thread_x() == 0) {
        if (steps > 1) barrier_expect(arrived[3], 1024);
        if (steps > 2) barrier_expect(arrived[1], 1024);
    }
    fence_proxy_async();
    cp_async_wait<1>();  // the inputs of the first step
    cluster_sync();

    for (int step = 0; step < steps; step++) {
        const int turn = step % 2;
        load_inputs(step + 2);
        if (step > 0) store_output(step - 1);
        f32 sum[8];
        const u64 before = wgmma_rows(states + turn * 1024, ROWS * 16, 128);
        wgmma_fence();
        GLASS_UNROLL
        for (int piece = 0; piece < 2; piece++) {
            if (step > 0 && piece > 0) {
                Barrier& full = arrived[turn * 2 + piece];
                barrier_wait(full, (step - 1) / 2 % 2);
                if (thread_x() == 0 && step + 2 < steps) barrier_expect(full, 1024);
            }
            GLASS_UNROLL
            for (int own = 0; own < 2; own++) {
                const int at = piece * 2 + own;
                wgmma(sum, kept[at], wgmma_step(before, ((rank + CLUSTER - at / 2) % CLUSTER * UNITS + at % 2 * 16) * (ROWS * 2)), at > 0, f16{}, f16{});
            }
            wgmma_commit();
        }
        wgmma_wait<0>();
        wgmma_take(sum);
        const f16* const own_inputs = inputs + step % 3 * 2048;
        f16* const after = states + (turn ^ 1) * 1024 + first_unit * ROWS;  // the block's own
        const bool high = row >= 4;
        GLASS_UNROLL
        for (int i = 0; i < TILES; i++) {
            f32 total[GATES];
            f16 input[GATES];
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                const f32 low_sum = sum[i * 4 + half * 2], high_sum = sum[i * 4 + half * 2 + 1];
                const f32 got = shuffle_xor(high ? low_sum : high_sum, 16);
                total[half * 2] = high ? got : low_sum;
                total[half * 2 + 1] = high ? high_sum : got;
            }
            GLASS_UNROLL
            for (int gate = 0; gate < GATES; gate++) {
                input[gate] = own_inputs[((gate * (UNITS / 8) + own_unit / 8) * ROWS + i * 8 + own_row) * 8 + own_unit % 8];
            }
            const f32 new_memory = m_short_memory(m_min(m_max(convert<f32>(input[2]) + total[2] + peephole[2] * memory[i], -0x1p+1f), 0x1p+1f), memory[i], m_min(m_max(convert<f32>(input[0]) + total[0] + peephole[0] * memory[i], -0x1p+1f), 0x1p+1f), m_min(m_max(convert<f32>(input[3]) + total[3], -0x1p+1f), 0x1p+1f));
            const f32 new_hidden = m_short_gated_tanh(m_min(m_max(convert<f32>(input[1]) + total[1] + peephole[1] * new_memory, -0x1p+1f), 0x1p+1f), new_memory);
            if (step < ends[i]) {
                hidden[i] = new_hidden;
                memory[i] = new_memory;
            }

            after[place_of(i * 8 + own_row, own_unit)] = convert<f16>(hidden[i]);
        }
        fence_proxy_async();
        cp_async_wait<1>();  // the inputs of the next step
        sync_threads();
        if (step + 1 < steps && lane == 0) {
            if (warp_id() == 0) {
                Barrier& filled = arrived[(turn ^ 1) * 2 + 1];
                cluster_copy(after, (rank + 1) % CLUSTER, filled, after, 1024);
            }
        }
    }
    if (steps > 0) store_output(steps - 1);
    GLASS_UNROLL
    for (int i = 0; i < TILES; i++) {
        if (i * 8 + own_row < rows) {
            const Offset to = (Offset(direction * batch + first_row) + i * 8 + own_row) * HIDDEN + unit;
            const bool is_empty = load(x3, first_row + i * 8 + own_row) <= 0;
            store(y1, to, convert<f16>(is_empty ? 0.0f : hidden[i]));
            store(y2, to, convert<f16>(is_empty ? 0.0f : memory[i]));
        }
    }
    cp_async_wait<0>();
    cluster_sync();  // copies read the shared memory of this block until they have arrived
}
