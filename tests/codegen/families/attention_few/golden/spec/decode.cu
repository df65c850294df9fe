// kernel: attention, cast
//
// Attention of few queries (f16, accumulators in f32) with online softmax: a block has 4 rows and takes
// 128 keys at a time, 8 threads for each; 8 blocks share the keys.
#include "glass.cuh"
using namespace glass;

using Offset = int;  // counts elements of a buffer
using Element = f16;
using Quad = Vec<f32, 4>;
constexpr int WARPS = 8, THREADS = 256, SPLITS = 8;
constexpr int ROWS = 4;  // queries of the block
constexpr int LANES = 8, VECTOR = 8, LINE = LANES * VECTOR;  // threads of a key, and features of each
constexpr int GROUPS = THREADS / LANES, KEYS = 4, TILE = GROUPS * KEYS;  // keys of the block, and of a thread, at a time
constexpr int OWN = ROWS * LINE / SPLITS;  // results that a block of the cluster finishes
constexpr f32 SCALE = 0x1p-3f;  // of scores
constexpr f32 FACTOR = 0x1.715476p+0f;  // from scores to exponents of 2: log2(e)

// What results relative to the maximum `top` are multiplied by to be relative to the larger `most`.
GLASS_DEVICE f32 factor_of(f32 top, f32 most) {
    return exp2_fast((top - (most == bit_cast<f32>(0xff800000u) ? 0.0f : most)) * FACTOR);
}

GLASS_KERNEL(THREADS, 1) kernel(Input<f16> x0, Input<f16> x1, Input<f16> x2, Output<f16> y0) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const f32 nothing = bit_cast<f32>(0xff800000u);  // minus infinity: the score of a masked key
    // The blocks of the cluster send each other what they have found, once all of them have a barrier.
    Barrier& sent_barrier = *reinterpret_cast<Barrier*>(shared + 8448);
    f32* const sent = reinterpret_cast<f32*>(shared + 8464);
    Vec<f32, 2>* const sent_tops = reinterpret_cast<Vec<f32, 2>*>(sent + ROWS * LINE);
    if (thread_x() == 0) {
        barrier_init(sent_barrier, 1);
        barrier_fence_init();
        barrier_expect(sent_barrier, 1280);
    }
    cluster_arrive();
    const int T = 2049;
    const int batch = block_x();

    const int b0 = batch;

    const int lane = thread_x() % LANES, group = thread_x() / LANES;
    pdl_wait();
    f32 query[ROWS][VECTOR];
    GLASS_UNROLL
    for (int i = 0; i < ROWS; i++) {
        const Offset place = Offset(b0) * 256 + Offset(i) * 64;
        const auto words = load_vec<VECTOR>(x0, place + lane * VECTOR);
        GLASS_UNROLL
        for (int f = 0; f < VECTOR; f++) query[i][f] = convert<f32>(words[f]);
    }
    const int end = T;

    f32 result[ROWS][VECTOR] = {}, total[ROWS] = {}, largest[ROWS];
    GLASS_UNROLL
    for (int i = 0; i < ROWS; i++) largest[i] = nothing;
    Vec<Element, VECTOR> key_words[KEYS], value_words[KEYS];
    auto load_keys = [&](int first) {
        GLASS_UNROLL
        for (int j = 0; j < KEYS; j++) {
            const int key = first + j * GROUPS;
            key_words[j] = {};
            if (key < end)
            key_words[j] = load_vec<VECTOR>(x1, Offset(b0) * 131136 + Offset(key) * 64 + lane * VECTOR);
        }
    };
    auto load_values = [&](int first) {
        GLASS_UNROLL
        for (int j = 0; j < KEYS; j++) {
            const int key = first + j * GROUPS;
            value_words[j] = {};
            if (key < end)
            value_words[j] = load_vec<VECTOR>(x2, Offset(b0) * 131136 + Offset(key) * 64 + lane * VECTOR);
        }
    };
    int first_key = block_y() * TILE + group;
    load_keys(first_key);
    load_values(first_key);
    #pragma unroll 1
    for (int tile = block_y() * TILE; tile < end; tile += SPLITS * TILE) {
        f32 score[ROWS][KEYS];
        GLASS_UNROLL
        for (int j = 0; j < KEYS; j++) {
            const int key = first_key + j * GROUPS;
            f32 own_key[VECTOR];
            GLASS_UNROLL
            for (int f = 0; f < VECTOR; f++) own_key[f] = convert<f32>(key_words[j][f]);
            GLASS_UNROLL
            for (int i = 0; i < ROWS; i++) {
                f32 sum = 0.0f;
                GLASS_UNROLL
                for (int f = 0; f < VECTOR; f++) sum = m_fma(query[i][f], own_key[f], sum);
                sum += shuffle_xor(sum, 1);
                sum += shuffle_xor(sum, 2);
                sum += shuffle_xor(sum, 4);
                sum *= SCALE;
                score[i][j] = key < end ? sum : nothing;
            }
        }
        first_key += SPLITS * TILE;
        load_keys(first_key);  // of the next tile, beside what is left of this one
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
            GLASS_UNROLL
            for (int f = 0; f < VECTOR; f++) {
                const f32 value = convert<f32>(value_words[j][f]);
                GLASS_UNROLL
                for (int i = 0; i < ROWS; i++) result[i][f] = m_fma(score[i][j], value, result[i][f]);
            }
        }
        load_values(first_key);
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
        GLASS_UNROLL
        for (int split = 1; split < SPLITS; split++) peak = m_max(peak, sent_tops[split * 4 + row][0]);
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
        const Offset target = Offset(b0) * 256 + Offset(row) * 64 + Offset(column);
        {
            Vec<f16, 4> out;
            GLASS_UNROLL
            for (int e = 0; e < 4; e++) out[e] = convert<f16>(quad[e] * inverse);
            store_vec<4>(y0, target, out);
        }
    }
}
