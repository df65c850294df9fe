// k: gru
//
// Recurrence in f32: 4 blocks for 8 sequences of a direction, 2 warps each; of 2 steps of k, the weights of 2 are in registers.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Words = Vec<u32, 4>;  // 16 bytes of a row: of each half fragment, those of two products
constexpr int HIDDEN = 64, GATES = 3, UNITS = 16;  // units: of a group of warps
constexpr int CLUSTER = 4, THREADS = 64, SPLITS = 2;
constexpr int ROWS = 8, STATES = 512;  // sequences of a cluster, and elements of their states
constexpr int HALVES = 6, CELLS = 4, OWN = 2;

// Where four units of a sequence are in the states. Eight lanes, which read four such places of two sequences, hit all
// banks.
GLASS_DEVICE int place_of(int sequence, int unit) { return (unit / 4 * ROWS + (sequence ^ unit / 4 % 4 * 2)) * 4; }

GLASS_KERNEL(THREADS, 1) k(Input<f32> x0, Input<f32> x1, Input<f32> x2, Output<f32> y0, Output<f32> y1) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int steps = 100;
    const int batch = 3;
    const int lane = lane_id(), row = lane / 4, column = lane % 4;  // of a fragment: its row, and the word column
    const int group = warp_id() / SPLITS, split = warp_id() % SPLITS;
    const int first_unit = (cluster_rank() + group) * UNITS;
    const int first_row = block_y() * ROWS, rows = m_min(ROWS, batch - first_row);

    Barrier* const arrived = reinterpret_cast<Barrier*>(shared);  // for each buffer
    if (thread_x() == 0) {
        GLASS_UNROLL
        for (int i = 0; i < 2; i++) barrier_init(arrived[i], 1);
        barrier_fence_init();
    }
    f32* const states = reinterpret_cast<f32*>(shared + 128);
    for (int chunk = thread_x(); chunk < 256; chunk += THREADS) reinterpret_cast<Words*>(states)[chunk] = Words{};
    // Row `half * 8 + row` of the group is the gate half / 2 of a unit; k of the step `at` of the warp.
    auto weight = [&](int half, int at) {
        const int unit = first_unit + half % 2 * 8 + row;
        const int k = (split * 2 + at) * 16 + column * 4;
        Words words = {};
        if (unit >= HIDDEN || k >= HIDDEN) return words;
        const Offset from = (Offset(half / 2) * HIDDEN + unit) * HIDDEN + k;
        words = bit_cast<Words>(load_vec<4>(x1, from));
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
    f32 bias[OWN] = {};
    GLASS_UNROLL
    for (int i = 0; i < OWN; i++) {
        const int mine = i * SPLITS + split;
        cell_unit[i] = first_unit + mine / 2 * 8 + row;
        const bool is_unit = cell_unit[i] < HIDDEN;
        if (is_unit) bias[i] = convert<f32>(load(x2, cell_unit[i]));
        cell_row[i] = column * 2 + mine % 2;
        is_cell[i] = is_unit && cell_row[i] < rows;
        if (is_cell[i]) {
        }
    }
    f32 next[OWN][GATES] = {};
    auto load_inputs = [&](int step) {
        GLASS_UNROLL
        for (int i = 0; i < OWN; i++) {
            if (is_cell[i]) {
                const Offset from = ((Offset(step) * batch + first_row + cell_row[i])) * (GATES * HIDDEN) + cell_unit[i];
                GLASS_UNROLL
                for (int gate = 0; gate < GATES; gate++) next[i][gate] = load(x0, from + gate * HIDDEN);
            }
        }
    };
    if (steps > 0) load_inputs(0);
    if (thread_x() == 0) {
        if (steps > 1) barrier_expect(arrived[1], rows * 256);
        if (steps > 2) barrier_expect(arrived[0], rows * 256);
    }
    cluster_sync();

    for (int step = 0; step < steps; step++) {
        const int turn = step % 2;
        f32 input[OWN][GATES];
        GLASS_UNROLL
        for (int i = 0; i < OWN; i++) {
            GLASS_UNROLL
            for (int gate = 0; gate < GATES; gate++) input[i][gate] = next[i][gate];
        }
        if (step + 1 < steps) load_inputs(step + 1);
        Barrier& filled = arrived[turn ^ 1];
        if (step > 0) {
            barrier_wait(arrived[turn], (step - 1) / 2 % 2);
            if (thread_x() == 0 && step + 2 < steps) barrier_expect(arrived[turn], rows * 256);
        }
        const f32* const before = states + turn * STATES;
        f32* const after = states + (turn ^ 1) * STATES;
        f32 sum[1][HALVES / 2][4] = {};
        f32 own_sum[ROWS][HALVES] = {};  // of a thread's k
        auto products = [&](const Words (&rows_of)[HALVES], int at) {
            const int k = (split * 2 + at) * 16 + column * 4;
            GLASS_UNROLL
            for (int sequence = 0; sequence < ROWS; sequence++) {
                if (sequence < rows) {
                    const auto state = *reinterpret_cast<const Vec<f32, 4>*>(before + place_of(sequence, k));
                    GLASS_UNROLL
                    for (int half = 0; half < HALVES; half++) {
                        const auto weights = bit_cast<Vec<f32, 4>>(rows_of[half]);
                        GLASS_UNROLL
                        for (int i = 0; i < 4; i++) own_sum[sequence][half] = m_fma(weights[i], state[i], own_sum[sequence][half]);
                    }
                }
            }
        };
        GLASS_UNROLL
        for (int at = 0; at < 2; at++) products(kept[at], at);
        GLASS_UNROLL
        for (int sequence = 0; sequence < ROWS; sequence++) {
            if (sequence < rows) {
                GLASS_UNROLL
                for (int half = 0; half < HALVES; half++) {
                    f32 whole = own_sum[sequence][half];
                    whole += shuffle_xor(whole, 1);
                    whole += shuffle_xor(whole, 2);
                    if (column == sequence / 2) sum[0][half / 2][half % 2 * 2 + sequence % 2] = whole;
                }
            }
        }

        f32 total[OWN][GATES] = {};
        f32* const shared_sums = reinterpret_cast<f32*>(shared + 4224) + lane;
        GLASS_UNROLL
        for (int cell = 0; cell < CELLS; cell++) {
            const int side = cell % 2, part = cell / 2;
            f32 own[GATES];
            GLASS_UNROLL
            for (int gate = 0; gate < GATES; gate++) {
                const int half = gate * 2 + part;
                own[gate] = sum[0][half / 2][half % 2 * 2 + side];
            }
            if (cell % SPLITS == split) {
                GLASS_UNROLL
                for (int gate = 0; gate < GATES; gate++) total[cell / SPLITS][gate] = own[gate];
            } else {
                const int slot = cell * (SPLITS - 1) + split - (split > cell % SPLITS);
                GLASS_UNROLL
                for (int gate = 0; gate < GATES; gate++) shared_sums[(slot * GATES + gate) * 32] = own[gate];
            }
        }
        named_barrier_sync(1 + group, SPLITS * 32);
        GLASS_UNROLL
        for (int i = 0; i < OWN; i++) {
            const int cell = i * SPLITS + split;
            const int slot = cell * (SPLITS - 1);
            GLASS_UNROLL
            for (int gate = 0; gate < GATES; gate++) total[i][gate] += shared_sums[(slot * GATES + gate) * 32];
        }

        GLASS_UNROLL
        for (int i = 0; i < OWN; i++) {
            const f32 update = m_sigmoid(convert<f32>(input[i][0]) + total[i][0]);
            const f32 reset = m_sigmoid(convert<f32>(input[i][1]) + total[i][1]);
            const f32 fresh = m_tanh(convert<f32>(input[i][2]) + reset * (total[i][2] + bias[i]));
            const f32 new_hidden = (1.0f - update) * fresh + update * hidden[i];
            hidden[i] = new_hidden;
        }
        GLASS_UNROLL
        for (int i = 0; i < OWN; i++) {
            const f32 other = shuffle_xor(hidden[i], 4);
            const f32 low = row % 2 ? other : hidden[i], high = row % 2 ? hidden[i] : other;
            const f32 next_low = shuffle_xor(low, 8), next_high = shuffle_xor(high, 8);
            const auto four = row & 2 ? Vec<f32, 4>{next_low, next_high, low, high} : Vec<f32, 4>{low, high, next_low, next_high};
            const Words chunk = bit_cast<Words>(four);

            if (cell_row[i] < rows && cell_unit[i] - row < HIDDEN) {
                if (step + 1 < steps) {
                    f32* const place = after + place_of(cell_row[i], cell_unit[i]);
                    if (row % 4 < CLUSTER) cluster_store(place, row % 4, filled, chunk);
                }
                const Offset to = ((Offset(step) * batch + first_row + cell_row[i])) * HIDDEN + cell_unit[i];
                if (row % 4 == 0) store_vec<4>(y0, to, bit_cast<Vec<f32, 4>>(chunk));
            }
        }
    }
    GLASS_UNROLL
    for (int i = 0; i < OWN; i++) {
        if (is_cell[i]) {
            const Offset to = (Offset(first_row) + cell_row[i]) * HIDDEN + cell_unit[i];
            store(y1, to, convert<f32>(hidden[i]));
        }
    }
}
