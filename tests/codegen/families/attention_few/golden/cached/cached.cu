// k_slice_mul_neg_14464732: slice, slice, cast, cast, mul, cast, neg, cast, concat, add, cast, reshape, and 17 more
// from ONNX nodes slice0, slice1, mul2, neg3, concat4, add5, slice6, slice7, and 7 more
//
// Attention of few queries (f16, accumulators in f32) with online softmax: a block has 4 rows and takes
// 128 keys at a time, 2 threads for each; 2 blocks share the keys.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Element = f16;
using Quad = Vec<f32, 4>;
constexpr int WARPS = 4, THREADS = 128, SPLITS = 2;
constexpr int ROWS = 4;  // queries of the block
constexpr int LANES = 2, VECTOR = 8, LINE = LANES * VECTOR;  // threads of a key, and features of each
constexpr int GROUPS = THREADS / LANES, KEYS = 2, TILE = GROUPS * KEYS;  // keys of the block, and of a thread, at a time
constexpr int OWN = ROWS * LINE / SPLITS;  // results that a block of the cluster finishes
constexpr f32 SCALE = 0x1p-2f;  // of scores
constexpr f32 FACTOR = 0x1.715476p+0f;  // from scores to exponents of 2: log2(e)

// What results relative to the maximum `top` are multiplied by to be relative to the larger `most`.
GLASS_DEVICE f32 factor_of(f32 top, f32 most) {
    return exp2_fast((top - (most == bit_cast<f32>(0xff800000u) ? 0.0f : most)) * FACTOR);
}

GLASS_KERNEL(THREADS, 1) k_slice_mul_neg_14464732(Input<f16> x0, Input<f16> x1, Input<f16> x2, Input<f16> x3, Input<i64> x4, Input<f16> x5, Input<f16> x6, Input<bool> x7, Output<f16> y0, Output<f16> y1, Output<f16> y2) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const f32 nothing = bit_cast<f32>(0xff800000u);  // minus infinity: the score of a masked key
    // The blocks of the cluster send each other what they have found, once all of them have a barrier.
    Barrier& sent_barrier = *reinterpret_cast<Barrier*>(shared + 1152);
    f32* const sent = reinterpret_cast<f32*>(shared + 1168);
    Vec<f32, 2>* const sent_tops = reinterpret_cast<Vec<f32, 2>*>(sent + ROWS * LINE);
    if (thread_x() == 0) {
        barrier_init(sent_barrier, 1);
        barrier_fence_init();
        barrier_expect(sent_barrier, 320);
    }
    cluster_arrive();
    const int T = 150;
    const int batch = block_x();

    int batch_rest = batch;
    const int b1 = batch_rest % 2;
    batch_rest /= 2;
    const int b0 = batch_rest;

    const int lane = thread_x() % LANES, group = thread_x() / LANES;
    const i64 x4_1 = load(x4, b0);
    const i64 new_place = x4_1 < 0 || x4_1 >= T ? i64(-1) : x4_1;  // of the new element; it may be dropped
    Vec<Element, VECTOR> key_words[KEYS], value_words[KEYS];
    GLASS_UNROLL
    for (int j = 0; j < KEYS; j++) {
        const int key = block_y() * TILE + group + j * GROUPS;
        key_words[j] = value_words[j] = {};
        if (key < new_place) {
            key_words[j] = load_vec<VECTOR>(x3, Offset(b0) * 4800 + Offset(b1) * 2400 + Offset(key) * 16 + lane * VECTOR);
            value_words[j] = load_vec<VECTOR>(x5, Offset(b0) * 4800 + Offset(b1) * 2400 + Offset(key) * 16 + lane * VECTOR);
        }
    }
    pdl_wait();
    Vec<bool, 2> mask_words[1];
    if (thread_x() < 75) mask_words[0] = load_vec<2>(x7, Offset(b0) * 150 + Offset(thread_x()) * 2);
    Element* const queries = reinterpret_cast<Element*>(shared + 1504);
    Element* const new_key = queries + ROWS * LINE;
    Element* const new_value = new_key + LINE;
    auto compute_query = [&](int item) {
        const int row = item / 16;
        const int element = row * 16 + item % 16;
        const int i2 = element % 16;
        const f16 x0_1 = load(x0, element + b0*128 + b1*64);
        const f32 cast2 = convert<f32>(x0_1);
        const f16 x1_3 = load(x1, b0*16 + i2);
        const f32 cast4 = convert<f32>(x1_3);
        const f32 mul_5 = cast2 * cast4;
        const bool inside6 = i2 < 8;
        const f16 x0_7 = inside6 ? load(x0, element + b0*128 + b1*64 + 8) : f16{};
        const f32 cast8 = convert<f32>(x0_7);
        const f32 neg_9 = m_neg(cast8);
        const f16 x0_10 = !inside6 ? load(x0, element + b0*128 + b1*64 - 8) : f16{};
        const f32 cast11 = convert<f32>(x0_10);
        const f32 select12 = inside6 ? neg_9 : cast11;
        const f32 add_13 = mul_5 + select12;
        const f16 cast14 = convert<f16>(add_13);
        queries[row * LINE + item % 16] = cast14;
    };
    auto compute_new_key = [&](int feature) {
        const f16 x2_1 = load(x2, b0*32 + b1*16 + feature);
        const f32 cast2 = convert<f32>(x2_1);
        const f16 x1_3 = load(x1, b0*16 + feature);
        const f32 cast4 = convert<f32>(x1_3);
        const f32 mul_5 = cast2 * cast4;
        const bool inside6 = feature < 8;
        const f16 x2_7 = inside6 ? load(x2, b0*32 + b1*16 + feature + 8) : f16{};
        const f32 cast8 = convert<f32>(x2_7);
        const f32 neg_9 = m_neg(cast8);
        const f16 x2_10 = !inside6 ? load(x2, b0*32 + b1*16 + feature - 8) : f16{};
        const f32 cast11 = convert<f32>(x2_10);
        const f32 select12 = inside6 ? neg_9 : cast11;
        const f32 add_13 = mul_5 + select12;
        const f16 cast14 = convert<f16>(add_13);
        new_key[feature] = cast14;
        if (block_y() == 0 && new_place >= 0) store(y1, b0*4800 + b1*2400 + feature + new_place*16, cast14);
    };
    auto compute_new_value = [&](int feature) {
        const f16 x6_1 = load(x6, b0*32 + b1*16 + feature);
        new_value[feature] = x6_1;
        if (block_y() == 0 && new_place >= 0) store(y2, b0*4800 + b1*2400 + feature + new_place*16, x6_1);
    };
    // Each has warps of its own, so that nobody waits twice for memory.
    constexpr int HALF = THREADS / 2, QUARTER = THREADS / 4;
    const int own = thread_x() % QUARTER;
    if (thread_x() < HALF) {
        compute_query(thread_x());
    } else if (thread_x() < HALF + QUARTER) {
        if (own < 16) compute_new_key(own);
    } else {
        if (own < 16) compute_new_value(own);
    }

    const Offset mask_base = Offset(b0) * 150;
    int kept = 0;
    const int piece = thread_x();
    if (piece < 75) {
        const auto words = mask_words[0];
        GLASS_UNROLL
        for (int e = 0; e < 2; e++) if (words[e]) kept = piece * 2 + e + 1;
    }
    kept = warp_max(kept);
    int* const ends = reinterpret_cast<int*>(shared + 1488);
    if (lane_id() == 0) ends[warp_id()] = kept;
    sync_threads();
    int end = ends[0];
    GLASS_UNROLL
    for (int warp = 1; warp < WARPS; warp++) end = m_max(end, ends[warp]);

    f32 query[ROWS][VECTOR];
    GLASS_UNROLL
    for (int i = 0; i < ROWS; i++) {
        const auto words = load_shared<Vec<Element, VECTOR>>(queries + i * LINE + lane * VECTOR);
        GLASS_UNROLL
        for (int f = 0; f < VECTOR; f++) query[i][f] = convert<f32>(words[f]);
    }

    f32 result[ROWS][VECTOR] = {}, total[ROWS] = {}, largest[ROWS];
    GLASS_UNROLL
    for (int i = 0; i < ROWS; i++) largest[i] = nothing;
    auto load_keys = [&](int first) {
        GLASS_UNROLL
        for (int j = 0; j < KEYS; j++) {
            const int key = first + j * GROUPS;
            key_words[j] = {};
            if (key < end && key != new_place)
            key_words[j] = load_vec<VECTOR>(x3, Offset(b0) * 4800 + Offset(b1) * 2400 + Offset(key) * 16 + lane * VECTOR);
        }
    };
    auto load_values = [&](int first) {
        GLASS_UNROLL
        for (int j = 0; j < KEYS; j++) {
            const int key = first + j * GROUPS;
            value_words[j] = {};
            if (key < end && key != new_place)
            value_words[j] = load_vec<VECTOR>(x5, Offset(b0) * 4800 + Offset(b1) * 2400 + Offset(key) * 16 + lane * VECTOR);
        }
    };
    const int first_key = block_y() * TILE + group;
    GLASS_UNROLL
    for (int j = 0; j < KEYS; j++) {
        const int key = first_key + j * GROUPS;
        if (key >= end) {
            value_words[j] = {};  // what lies there may be anything
        } else if (key > new_place) {
            key_words[j] = load_vec<VECTOR>(x3, Offset(b0) * 4800 + Offset(b1) * 2400 + Offset(key) * 16 + lane * VECTOR);
            value_words[j] = load_vec<VECTOR>(x5, Offset(b0) * 4800 + Offset(b1) * 2400 + Offset(key) * 16 + lane * VECTOR);
        }
    }
    f32 score[ROWS][KEYS];
    GLASS_UNROLL
    for (int j = 0; j < KEYS; j++) {
        const int key = first_key + j * GROUPS;
        if (key == new_place) key_words[j] = load_shared<Vec<Element, VECTOR>>(new_key + lane * VECTOR);
        f32 own_key[VECTOR];
        GLASS_UNROLL
        for (int f = 0; f < VECTOR; f++) own_key[f] = convert<f32>(key_words[j][f]);
        bool masked = {};
        if (key < end) masked = load(x7, mask_base + Offset(key));
        GLASS_UNROLL
        for (int i = 0; i < ROWS; i++) {
            f32 sum = 0.0f;
            GLASS_UNROLL
            for (int f = 0; f < VECTOR; f++) sum = m_fma(query[i][f], own_key[f], sum);
            sum += shuffle_xor(sum, 1);
            sum = masked ? sum * SCALE : bit_cast<f32>(0xff800000u);
            score[i][j] = key < end ? sum : nothing;
        }
    }
    GLASS_UNROLL
    for (int i = 0; i < ROWS; i++) {
        f32 most = largest[i];
        GLASS_UNROLL
        for (int j = 0; j < KEYS; j++) most = m_max(most, score[i][j]);
        const f32 base = most == nothing ? 0.0f : most;
        const f32 correction = exp2_fast((largest[i] - base) * FACTOR);
        largest[i] = most;
        total[i] *= correction;
        GLASS_UNROLL
        for (int f = 0; f < VECTOR; f++) result[i][f] *= correction;
        GLASS_UNROLL
        for (int j = 0; j < KEYS; j++) {
            score[i][j] = exp2_fast((score[i][j] - base) * FACTOR);
            total[i] += score[i][j];
        }
    }
    GLASS_UNROLL
    for (int j = 0; j < KEYS; j++) {
        if (first_key + j * GROUPS == new_place) value_words[j] = load_shared<Vec<Element, VECTOR>>(new_value + lane * VECTOR);
        GLASS_UNROLL
        for (int f = 0; f < VECTOR; f++) {
            const f32 value = convert<f32>(value_words[j][f]);
            GLASS_UNROLL
            for (int i = 0; i < ROWS; i++) result[i][f] = m_fma(score[i][j], value, result[i][f]);
        }
    }

    auto join = [&](int step) {
        GLASS_UNROLL
        for (int i = 0; i < ROWS; i++) {
            const f32 top = m_max(largest[i], shuffle_xor(largest[i], step)), factor = factor_of(largest[i], top);
            largest[i] = top;
            total[i] *= factor;
            total[i] += shuffle_xor(total[i], step);
            GLASS_UNROLL
            for (int f = 0; f < VECTOR; f++) {
                result[i][f] *= factor;
                result[i][f] += shuffle_xor(result[i][f], step);
            }
        }
    };
    join(2);
    join(4);
    join(8);
    join(16);

    f32* const parts = reinterpret_cast<f32*>(shared);
    f32* const tops = parts + WARPS * ROWS * LINE;
    f32* const totals = tops + WARPS * ROWS;
    if (lane_id() < LANES) {
        GLASS_UNROLL
        for (int i = 0; i < ROWS; i++) {
            const int slot = warp_id() * 4 + i;
            GLASS_UNROLL
            for (int f = 0; f < VECTOR; f += 4) *reinterpret_cast<Quad*>(parts + slot * LINE + lane * VECTOR + f) = Quad{result[i][f], result[i][f + 1], result[i][f + 2], result[i][f + 3]};
            if (lane == 0) {
                tops[slot] = largest[i];
                totals[slot] = total[i];
            }
        }
    }
    sync_threads();
    // The maximum of a row over the warps, and the total relative to it.
    auto whole = [&](int row) {
        f32 most = tops[row], sum = 0.0f;
        GLASS_UNROLL
        for (int warp = 1; warp < WARPS; warp++) most = m_max(most, tops[warp * 4 + row]);
        GLASS_UNROLL
        for (int warp = 0; warp < WARPS; warp++) sum += totals[warp * 4 + row] * factor_of(tops[warp * 4 + row], most);
        return Vec<f32, 2>{most, sum};
    };
    cluster_wait();
    if (thread_x() < ROWS * LINE / 4) {
        const int sent_row = thread_x() / (LINE / 4);
        const f32 top = whole(sent_row)[0];
        Quad sent_quad = {};
        GLASS_UNROLL
        for (int warp = 0; warp < WARPS; warp++) {
            const f32 factor = factor_of(tops[warp * 4 + sent_row], top);
            const Quad part = *reinterpret_cast<const Quad*>(parts + warp * (ROWS * LINE) + thread_x() * 4);
            GLASS_UNROLL
            for (int f = 0; f < 4; f++) sent_quad[f] = m_fma(part[f], factor, sent_quad[f]);
        }
        cluster_store(sent + cluster_rank() * OWN + thread_x() * 4 % OWN, thread_x() * 4 / OWN, sent_barrier, sent_quad);
    }
    if (thread_x() < ROWS * SPLITS) cluster_store(sent_tops + (cluster_rank() * 4 + thread_x() / SPLITS), thread_x() % SPLITS, sent_barrier, whole(thread_x() / SPLITS));
    barrier_wait(sent_barrier, 0);
    if (thread_x() < OWN / 4) {
        const int place = cluster_rank() * OWN + thread_x() * 4, row = place / LINE, column = place % LINE;
        f32 peak = sent_tops[row][0], sum = 0.0f;
        peak = m_max(peak, sent_tops[4 + row][0]);
        Quad quad = {};
        GLASS_UNROLL
        for (int split = 0; split < SPLITS; split++) {
            const auto parted = sent_tops[split * 4 + row];
            const f32 factor = factor_of(parted[0], peak);
            sum = m_fma(parted[1], factor, sum);
            const Quad part = *reinterpret_cast<const Quad*>(sent + split * OWN + thread_x() * 4);
            GLASS_UNROLL
            for (int f = 0; f < 4; f++) quad[f] = m_fma(part[f], factor, quad[f]);
        }
        const f32 inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
        const Offset target = Offset(b0) * 128 + Offset(b1) * 64 + Offset(row) * 16 + Offset(column);
        {
            Vec<f16, 4> out;
            GLASS_UNROLL
            for (int e = 0; e < 4; e++) out[e] = convert<f16>(quad[e] * inverse);
            store_vec<4>(y0, target, out);
        }
    }
}
