// k: gru
//
// Recurrence by a grid: 4 blocks for a direction, 8 sequences at a time, 2 warps each; of 1 step of k, the weights of 1 are in registers.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Words = Vec<u32, 4>;  // 16 bytes of a row: of each half fragment, those of two products
constexpr int HIDDEN = 64, GATES = 3, UNITS = 16;  // units: of a group of warps
constexpr int BLOCKS = 4, THREADS = 64, SPLITS = 2;
constexpr int ROWS = 8, SENT = 512;  // sequences at a time, and elements of their states
constexpr int HALVES = 6, CELLS = 4, OWN = 2;

// Where eight units of a sequence are in the states. Eight lanes, which read four such places of two sequences, hit all
// banks.
GLASS_DEVICE int place_of(int sequence, int unit) { return (unit / 8 * ROWS + (sequence ^ unit / 8 % 4 * 2)) * 8; }

GLASS_KERNEL(THREADS, 1) k(Input<f16> x0, Input<f16> x1, Input<f16> x2, Input<i32> x3, Input<f16> x4, Output<f16> y0, Output<f16> y1, Output<f16> sent_states, Output<u32> counters) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int steps = 100;
    const int batch = 30;
    const int lane = lane_id(), row = lane / 4, column = lane % 4;  // of a fragment: its row, and the word column
    const int group = warp_id() / SPLITS, split = warp_id() % SPLITS;
    const int first_unit = (block_x() + group) * UNITS;
    const int direction = block_z();

    f16* const before = reinterpret_cast<f16*>(shared + 128);
    // Row `half * 8 + row` of the group is the gate half / 2 of a unit; k of the step `at` of the warp.
    auto weight = [&](int half, int at) {
        const int unit = first_unit + half % 2 * 8 + row;
        const int k = (split + at) * 32 + column * 8;
        Words words = {};
        if (unit >= HIDDEN || k >= HIDDEN) return words;
        const Offset from = (Offset(direction * GATES + half / 2) * HIDDEN + unit) * HIDDEN + k;
        words = bit_cast<Words>(load_vec<8>(x1, from));
        return words;
    };
    Words kept[1][HALVES];
    GLASS_UNROLL
    for (int half = 0; half < HALVES; half++) kept[0][half] = weight(half, 0);

    pdl_wait();
    u32 sent = 0;  // states that each block has sent
    for (int first_row = 0; first_row < batch; first_row += ROWS) {
        const int rows = m_min(ROWS, batch - first_row);
        // Cell `mine` of a warp: a unit, and one of two columns of a tile of eight sequences.
        int cell_row[OWN], cell_unit[OWN];
        bool is_cell[OWN];
        f32 hidden[OWN] = {};
        int ends[OWN] = {};  // steps of the sequence
        bool is_empty[OWN] = {};
        f32 bias[OWN] = {};
        GLASS_UNROLL
        for (int i = 0; i < OWN; i++) {
            const int mine = i * SPLITS + split;
            cell_unit[i] = first_unit + mine / 2 * 8 + row;
            const bool is_unit = cell_unit[i] < HIDDEN;
            if (is_unit) bias[i] = convert<f32>(load(x4, direction * HIDDEN + cell_unit[i]));
            cell_row[i] = column * 2 + mine % 2;
            is_cell[i] = is_unit && cell_row[i] < rows;
            if (is_cell[i]) {
                const i64 length = i64(load(x3, first_row + cell_row[i]));
                ends[i] = int(m_min(m_max(length, i64(0)), i64(steps)));
                is_empty[i] = length <= 0;
                const Offset from = (Offset(direction * batch + first_row + cell_row[i])) * HIDDEN + cell_unit[i];
                hidden[i] = convert<f32>(load(x2, from));
            }
        }
        // Where the inputs of a step are, and its output: a backward direction begins at the end of a sequence.
        auto turned = [&](int step, int end) { return direction == 1 && step < end ? end - 1 - step : step; };
        f16 next[OWN][GATES] = {};
        auto load_inputs = [&](int step) {
            GLASS_UNROLL
            for (int i = 0; i < OWN; i++) {
                if (is_cell[i]) {
                    const Offset from = ((Offset(turned(step, ends[i])) * batch + first_row + cell_row[i]) * 2 + direction) * (GATES * HIDDEN) + cell_unit[i];
                    GLASS_UNROLL
                    for (int gate = 0; gate < GATES; gate++) next[i][gate] = load(x0, from + gate * HIDDEN);
                }
            }
        };
        if (steps > 0) load_inputs(0);
        sync_threads();
        reinterpret_cast<Words*>(before)[thread_x()] = Words{};
        sync_threads();
        for (int i = thread_x(); i < rows * HIDDEN; i += THREADS) {
            const int r = i / HIDDEN, unit = i % HIDDEN;
            before[place_of(r, unit) + unit % 8] = load(x2, (Offset(direction * batch + first_row) + r) * HIDDEN + unit);
        }
        sync_threads();

        for (int step = 0; step < steps; step++) {
            f16 input[OWN][GATES];
            GLASS_UNROLL
            for (int i = 0; i < OWN; i++) {
                GLASS_UNROLL
                for (int gate = 0; gate < GATES; gate++) input[i][gate] = next[i][gate];
            }
            if (step + 1 < steps) load_inputs(step + 1);
            if (step > 0) {
                if (thread_x() == 0) grid_wait(counters, direction, sent * BLOCKS);
                sync_threads();
                const Offset from = (Offset(sent % 2) * 2 + direction) * SENT;
                const int sequence = thread_x() % ROWS ^ thread_x() / ROWS % 4 * 2;
                cp_async<16>(before + thread_x() * 8, sent_states, from + thread_x() * 8, sequence < rows);
                cp_async_commit();
                cp_async_wait<0>();
                sync_threads();
            }
            f32 sum[2][HALVES / 2][4] = {};
            auto products = [&](const Words (&rows_of)[HALVES], int at) {
                const int k = (split + at) * 32 + column * 8;
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
            products(kept[0], 0);

            f32 total[OWN][GATES] = {};
            f32* const shared_sums = reinterpret_cast<f32*>(shared + 1152) + lane;
            GLASS_UNROLL
            for (int cell = 0; cell < CELLS; cell++) {
                const int side = cell % 2, part = cell / 2;
                f32 own[GATES];
                GLASS_UNROLL
                for (int gate = 0; gate < GATES; gate++) {
                    const int half = gate * 2 + part;
                    own[gate] = sum[0][half / 2][half % 2 * 2 + side] + sum[1][half / 2][half % 2 * 2 + side];
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
                const f32 update = m_short_sigmoid(convert<f32>(input[i][0]) + total[i][0]);
                const f32 reset = m_short_sigmoid(convert<f32>(input[i][1]) + total[i][1]);
                const f32 fresh = m_short_tanh(convert<f32>(input[i][2]) + reset * (total[i][2] + bias[i]));
                const f32 new_hidden = (1.0f - update) * fresh + update * hidden[i];
                if (step < ends[i]) {
                    hidden[i] = new_hidden;
                }
            }
            Words chunk[OWN];
            GLASS_UNROLL
            for (int i = 0; i < OWN; i++) {
                const u32 other = bit_cast<u32>(shuffle_xor(hidden[i], 4));
                const u32 both = row % 2 ? pack_pair(bit_cast<f32>(other), hidden[i], f16{}) : pack_pair(hidden[i], bit_cast<f32>(other), f16{});
                const u32 next_both = shuffle_xor(both, 8);
                chunk[i] = Words{both, next_both, shuffle_xor(both, 16), shuffle_xor(next_both, 16)};
            }
            sent += step + 1 < steps;
            const Offset after = (Offset(sent % 2) * 2 + direction) * SENT;
            GLASS_UNROLL
            for (int i = 0; i < OWN; i++) if (row == 0 && step + 1 < steps && cell_row[i] < rows) store_vec<8>(sent_states, after + place_of(cell_row[i], cell_unit[i]), bit_cast<Vec<f16, 8>>(chunk[i]));
            sync_threads();
            if (thread_x() == 0 && step + 1 < steps) grid_arrive(counters, direction);
            GLASS_UNROLL
            for (int i = 0; i < OWN; i++) {
                if (row == 0 && cell_row[i] < rows) {
                    const Offset to = ((Offset(turned(step, ends[i])) * batch + first_row + cell_row[i]) * 2 + direction) * HIDDEN + cell_unit[i];
                    store_vec<8>(y0, to, bit_cast<Vec<f16, 8>>(step < ends[i] ? chunk[i] : Words{}));
                }
            }
        }
        GLASS_UNROLL
        for (int i = 0; i < OWN; i++) {
            if (is_cell[i]) {
                const Offset to = (Offset(direction * batch + first_row) + cell_row[i]) * HIDDEN + cell_unit[i];
                store(y1, to, convert<f16>(is_empty[i] ? 0.0f : hidden[i]));
            }
        }
    }
    if (thread_x() == 0 && atomic_add_u32(counters, 2, 1) == 7) {
        GLASS_UNROLL
        for (int i = 0; i <= 2; i++) store(counters, i, u32(0));
    }
}
