// k: lstm
//
// Recurrence on tensor cores: 4 blocks for 8 sequences of a direction, 6 warps each; of 2 steps of k, the weights of 2 are in registers.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Words = Vec<u32, 4>;  // 16 bytes of a row: of each half fragment, those of two products
constexpr int HIDDEN = 96, GATES = 4, UNITS = 8;  // units: of a group of warps
constexpr int CLUSTER = 4, THREADS = 192, GROUPS = 3, SPLITS = 2;
constexpr int ROWS = 8, STATES = 1024;  // sequences of a cluster, and elements of their states
constexpr int HALVES = 4, CELLS = 2, OWN = 1;

// Where eight units of a sequence are in the states. Eight lanes, which read four such places of two sequences, hit all
// banks.
GLASS_DEVICE int place_of(int sequence, int unit) { return (unit / 8 * ROWS + (sequence ^ unit / 8 % 4 * 2)) * 8; }

GLASS_KERNEL(THREADS, 1) k(Input<f16> x0, Input<f16> x1, Input<f16> x2, Input<i32> x3, Input<f16> x4, Input<f16> x5, Output<f16> y0, Output<f16> y1, Output<f16> y2) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int steps = 100;
    const int batch = 3;
    const int lane = lane_id(), row = lane / 4, column = lane % 4;  // of a fragment: its row, and the word column
    const int group = warp_id() / SPLITS, split = warp_id() % SPLITS;
    const int first_unit = (cluster_rank() * GROUPS + group) * UNITS;
    const int first_row = block_y() * ROWS, rows = m_min(ROWS, batch - first_row);
    const int direction = block_z();

    Barrier* const arrived = reinterpret_cast<Barrier*>(shared);  // for each buffer
    if (thread_x() == 0) {
        GLASS_UNROLL
        for (int i = 0; i < 2; i++) barrier_init(arrived[i], 1);
        barrier_fence_init();
    }
    f16* const states = reinterpret_cast<f16*>(shared + 128);
    for (int chunk = thread_x(); chunk < 256; chunk += THREADS) reinterpret_cast<Words*>(states)[chunk] = Words{};
    // Row `half * 8 + row` of the group is the gate half of a unit; k of the step `at` of the warp.
    auto weight = [&](int half, int at) {
        const int unit = first_unit + row;
        const int k = (split * 2 + at) * 32 + column * 8;
        Words words = {};
        if (unit >= HIDDEN || k >= HIDDEN) return words;
        const Offset from = (Offset(direction * GATES + half) * HIDDEN + unit) * HIDDEN + k;
        words = bit_cast<Words>(load_vec<8>(x1, from));
        return words;
    };
    Words kept[2][HALVES];
    GLASS_UNROLL
    for (int at = 0; at < 2; at++) {
        GLASS_UNROLL
        for (int half = 0; half < HALVES; half++) kept[at][half] = weight(half, at);
    }

    pdl_wait();
    // Cell `mine` of a warp: a unit, and one of two columns of a tile of eight sequences.
    int cell_row[OWN], cell_unit[OWN];
    bool is_cell[OWN];
    f32 hidden[OWN] = {};
    f32 memory[OWN] = {};
    int ends[OWN] = {};  // steps of the sequence
    bool is_empty[OWN] = {};
    f32 peephole[OWN][3] = {};
    const int mine = split;
    cell_unit[0] = first_unit + row;
    const bool is_unit = cell_unit[0] < HIDDEN;
    GLASS_UNROLL
    for (int gate = 0; gate < 3; gate++) {
        if (is_unit) peephole[0][gate] = convert<f32>(load(x5, (direction * 3 + gate) * HIDDEN + cell_unit[0]));
    }
    cell_row[0] = column * 2 + mine % 2;
    is_cell[0] = is_unit && cell_row[0] < rows;
    if (is_cell[0]) {
        const i64 length = i64(load(x3, first_row + cell_row[0]));
        ends[0] = int(m_min(m_max(length, i64(0)), i64(steps)));
        is_empty[0] = length <= 0;
        const Offset from = (Offset(direction * batch + first_row + cell_row[0])) * HIDDEN + cell_unit[0];
        hidden[0] = convert<f32>(load(x2, from));
        memory[0] = convert<f32>(load(x4, from));
    }
    // Where the inputs of a step are, and its output: a backward direction begins at the end of a sequence.
    auto turned = [&](int step, int end) { return direction == 1 && step < end ? end - 1 - step : step; };
    f16 next[OWN][GATES] = {};
    auto load_inputs = [&](int step) {
        if (is_cell[0]) {
            const Offset from = ((Offset(turned(step, ends[0])) * batch + first_row + cell_row[0]) * 2 + direction) * (GATES * HIDDEN) + cell_unit[0];
            GLASS_UNROLL
            for (int gate = 0; gate < GATES; gate++) next[0][gate] = load(x0, from + gate * HIDDEN);
        }
    };
    if (steps > 0) load_inputs(0);
    sync_threads();
    for (int i = thread_x(); i < rows * HIDDEN; i += THREADS) {
        const int r = i / HIDDEN, unit = i % HIDDEN;
        states[place_of(r, unit) + unit % 8] = load(x2, (Offset(direction * batch + first_row) + r) * HIDDEN + unit);
    }
    if (thread_x() == 0) {
        if (steps > 1) barrier_expect(arrived[1], rows * 192);
        if (steps > 2) barrier_expect(arrived[0], rows * 192);
    }
    cluster_sync();

    for (int step = 0; step < steps; step++) {
        const int turn = step % 2;
        f16 input[OWN][GATES];
        GLASS_UNROLL
        for (int gate = 0; gate < GATES; gate++) input[0][gate] = next[0][gate];
        if (step + 1 < steps) load_inputs(step + 1);
        Barrier& filled = arrived[turn ^ 1];
        if (step > 0) {
            barrier_wait(arrived[turn], (step - 1) / 2 % 2);
            if (thread_x() == 0 && step + 2 < steps) barrier_expect(arrived[turn], rows * 192);
        }
        const f16* const before = states + turn * STATES;
        f16* const after = states + (turn ^ 1) * STATES;
        f32 sum[2][HALVES / 2][4] = {};
        auto products = [&](const Words (&rows_of)[HALVES], int at) {
            const int k = (split * 2 + at) * 32 + column * 8;
            Words state[1];
            state[0] = *reinterpret_cast<const Words*>(before + (k + (row ^ column * 2)) * 8);
            GLASS_UNROLL
            for (int pair = 0; pair < 2; pair++) {
                GLASS_UNROLL
                for (int i = 0; i < HALVES / 2; i++) {
                    const u32 two[4] = {rows_of[i * 2][pair * 2], rows_of[i * 2 + 1][pair * 2], rows_of[i * 2][pair * 2 + 1], rows_of[i * 2 + 1][pair * 2 + 1]};
                    const u32 own[2] = {state[0][pair * 2], state[0][pair * 2 + 1]};
                    mma_m16n8k16(sum[pair][i], two, own, f16{});
                }
            }
        };
        GLASS_UNROLL
        for (int at = 0; at < 2; at++) products(kept[at], at);

        f32 total[OWN][GATES] = {};
        f32* const shared_sums = reinterpret_cast<f32*>(shared + 4224) + group * (CELLS * (SPLITS - 1) * GATES * 32) + lane * 4;
        GLASS_UNROLL
        for (int cell = 0; cell < CELLS; cell++) {
            const int side = cell % 2;
            Vec<f32, GATES> own;
            GLASS_UNROLL
            for (int gate = 0; gate < GATES; gate++) {
                const int half = gate;
                own[gate] = sum[0][half / 2][half % 2 * 2 + side] + sum[1][half / 2][half % 2 * 2 + side];
            }
            if (cell % SPLITS == split) {
                GLASS_UNROLL
                for (int gate = 0; gate < GATES; gate++) total[cell / SPLITS][gate] = own[gate];
            } else {
                const int slot = cell * (SPLITS - 1) + split - (split > cell % SPLITS);
                *reinterpret_cast<Vec<f32, GATES>*>(shared_sums + slot * (GATES * 32)) = own;
            }
        }
        named_barrier_sync(1 + group, SPLITS * 32);
        const int cell = split;
        const int slot = cell * (SPLITS - 1);
        const auto given = *reinterpret_cast<const Vec<f32, GATES>*>(shared_sums + slot * (GATES * 32));
        GLASS_UNROLL
        for (int gate = 0; gate < GATES; gate++) total[0][gate] += given[gate];

        const f32 new_memory = m_short_memory(m_min(m_max(convert<f32>(input[0][2]) + total[0][2] + peephole[0][2] * memory[0], -0x1p+1f), 0x1p+1f), memory[0], m_min(m_max(convert<f32>(input[0][0]) + total[0][0] + peephole[0][0] * memory[0], -0x1p+1f), 0x1p+1f), m_min(m_max(convert<f32>(input[0][3]) + total[0][3], -0x1p+1f), 0x1p+1f));
        const f32 new_hidden = m_short_gated_tanh(m_min(m_max(convert<f32>(input[0][1]) + total[0][1] + peephole[0][1] * new_memory, -0x1p+1f), 0x1p+1f), new_memory);
        if (step < ends[0]) {
            hidden[0] = new_hidden;
            memory[0] = new_memory;
        }
        const u32 other = bit_cast<u32>(shuffle_xor(hidden[0], 4));
        const u32 both = row % 2 ? pack_pair(bit_cast<f32>(other), hidden[0], f16{}) : pack_pair(hidden[0], bit_cast<f32>(other), f16{});
        const u32 next_both = shuffle_xor(both, 8);
        const u32 low = row & 2 ? next_both : both, high = row & 2 ? both : next_both;
        const u32 next_low = shuffle_xor(low, 16), next_high = shuffle_xor(high, 16);
        const Words chunk = row & 4 ? Words{next_low, next_high, low, high} : Words{low, high, next_low, next_high};
        if (cell_row[0] < rows && cell_unit[0] - row < HIDDEN) {
            if (step + 1 < steps) {
                f16* const place = after + place_of(cell_row[0], cell_unit[0]);
                if (row < CLUSTER) cluster_store(place, row, filled, chunk);
            }
            const Offset to = ((Offset(turned(step, ends[0])) * batch + first_row + cell_row[0]) * 2 + direction) * HIDDEN + cell_unit[0];
            if (row == 0) store_vec<8>(y0, to, bit_cast<Vec<f16, 8>>(step < ends[0] ? chunk : Words{}));
        }
    }
    if (is_cell[0]) {
        const Offset to = (Offset(direction * batch + first_row) + cell_row[0]) * HIDDEN + cell_unit[0];
        store(y1, to, convert<f16>(is_empty[0] ? 0.0f : hidden[0]));
        store(y2, to, convert<f16>(is_empty[0] ? 0.0f : memory[0]));
    }
}
