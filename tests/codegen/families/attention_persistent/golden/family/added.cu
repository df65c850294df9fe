// k_attention_3dfb31f1: attention, cast
//
// Attention on tensor cores (wgmma of bf16, accumulators in f32) with online softmax, of tiles that come by bulk copies:
// 2 warpgroups of 64 queries each, 128 keys at a time, 2 stages.
#include "wgmma_fragments.cuh"
using namespace glass;

using Offset = int;
using Element = bf16;
constexpr int CONSUMERS = 256;  // threads that multiply
constexpr int BLOCK_S = 128, KEYS = 128;  // queries of a tile, and keys
constexpr int STAGES = 2;
constexpr int DEPTH = 48, WIDTH = 80;  // features of keys and of values, padded
// Elements of a tile: panels of rows with 64 features, in lines of 128 bytes.
constexpr int Q_TILE = BLOCK_S * 64, K_TILE = KEYS * 64, V_TILE = KEYS * 128;
constexpr f32 SCALE = 0x1.43d136p-3f;  // of scores
constexpr f32 FACTOR = 0x1.715476p+0f;  // from scores to exponents of 2: log2(e)
constexpr f32 FAR = 0x1p+10f;  // exponents beyond it are too coarsely rounded to be subtracted from others
constexpr f32 LAG = 8.0f;  // the exponent of 2 of a weight, beyond which a row takes its largest score as reference
constexpr f32 UNIT = 0x1.62e43p-1f;  // from exponents of 2 to scores

GLASS_KERNEL(384, 1) k_attention_3dfb31f1(Input<bf16> x0, Input<bf16> x1, Input<bf16> x2, Input<bf16> x3, Output<bf16> y0, const GLASS_TENSOR_MAP q_map, const GLASS_TENSOR_MAP k_map, const GLASS_TENSOR_MAP v_map, const int s0, const int s1, const int s2) {
    GLASS_DYNAMIC_SHARED(shared);
    pdl_launch_dependents();
    const int S = s1, T = s2;
    const int query_tiles = (S + BLOCK_S - 1) / BLOCK_S;
    const int items = query_tiles * (s0*2);
    if (block_x() >= items) {
        pdl_wait();  // or the next kernel could run before those before this one
        return;
    }

    Element* const q_tiles = reinterpret_cast<Element*>(shared);
    Element* const k_tiles = q_tiles + Q_TILE;
    Element* const v_tiles = k_tiles + STAGES * K_TILE;
    Barrier* const q_full = reinterpret_cast<Barrier*>(v_tiles + STAGES * V_TILE);  // a stage has been copied
    Barrier* const k_full = q_full + 1;
    Barrier* const v_full = k_full + STAGES;
    Barrier* const q_empty = v_full + STAGES;  // all warps have read it
    Barrier* const k_empty = q_empty + 1;
    Barrier* const v_empty = k_empty + STAGES;
    Barrier* const turn = v_empty + STAGES;  // the warpgroup may multiply

    if (thread_x() == 0) {
        for (int stage = 0; stage < 5; stage++) {
            barrier_init(q_full[stage], 1);
            barrier_init(q_empty[stage], CONSUMERS / 32);
        }
        for (int group = 0; group < 2; group++) barrier_init(turn[group], 4);

        barrier_fence_init();
    }
    sync_threads();
    if (thread_x() >= CONSUMERS) {
        registers_release<24>();
        if (thread_x() > CONSUMERS) return;
        // The next stages to fill, and the parity of the phases in which they were read last: the first waits end at once.
        int stage = 0;
        u32 parity = 1;
        u32 q_parity = 1;
        pdl_wait();
        int item = block_x();
        while (item < items) {
            const int batch = item / query_tiles;
            const int first_query = (item - batch * query_tiles) * BLOCK_S;

            const int tiles = (T + KEYS - 1) / KEYS;
            int batch_rest = batch;
            const int b1 = batch_rest % 2;
            batch_rest /= 2;
            const int b0 = batch_rest;
            barrier_wait(q_empty[0], q_parity);
            barrier_expect(q_full[0], Q_TILE * 2);
            tma_load_3d(q_tiles, q_map, q_full[0], 0, first_query, b0 * 2 + b1);

            q_parity ^= 1;

            #pragma unroll 1
            for (int tile = 0; tile < tiles; tile++) {
                barrier_wait(k_empty[stage], parity);
                barrier_expect(k_full[stage], K_TILE * 2);
                tma_load_3d(k_tiles + stage * K_TILE, k_map, k_full[stage], 0, tile * KEYS, b0 * 2 + b1);

                barrier_wait(v_empty[stage], parity);
                barrier_expect(v_full[stage], V_TILE * 2);
                tma_load_3d(v_tiles + stage * V_TILE, v_map, v_full[stage], 0, tile * KEYS, b0 * 2 + b1);
                tma_load_3d(v_tiles + stage * V_TILE + KEYS * 64, v_map, v_full[stage], 64, tile * KEYS, b0 * 2 + b1);

                stage = stage + 1 == STAGES ? 0 : stage + 1;
                parity ^= stage == 0;
            }
            item += grid_x();
        }

        return;
    }
    registers_take<240>();
    const int lane = lane_id(), group = shuffle(warp_id() / 4, 0);  // of all lanes, so that what depends on it is uniform
    const f32 nothing = bit_cast<f32>(0xff800000u);  // minus infinity: the score of a masked key
    // The warpgroup's part of the first stages.
    const u64 q_view = wgmma_tile(q_tiles + group * 4096), k_view = wgmma_tile(k_tiles);
    const u64 v_view = wgmma_tile(v_tiles, KEYS * 128);
    f32 score[KEYS / 8][4];  // of one tile of keys
    u32 weight[KEYS / 16][4];  // of the tile before it
    f32 result[WIDTH / 8][4] = {};
    f32 largest[2], total[2] = {0.0f, 0.0f}, done[2];  // of the rows, and the total of those of the item before
    f32 origin[2];  // the references of the rows, as exponents of 2
    bool led = true;  // a row of the warp needs its largest score in each tile
    int stage = 0, v_stage = 0;
    u32 parity = 0, v_parity = 0, q_parity = 0;
    u32 turn_parity = group == 0;  // the first warpgroup does not wait for its first turn
    int item = block_x();
    int ended = -1;  // the item of the results, if there is one
    int tile = 0;  // of the scores
    int batch, first_query;  // of the item
    batch = item / query_tiles;
    first_query = (item - batch * query_tiles) * BLOCK_S;

    const int tiles = (T + KEYS - 1) / KEYS;

    // Normalises and stores the results of an item; the four threads of a row have parts of its total.
    auto finish = [&](int item, const f32 (&parts)[2]) {
        const int batch = item / query_tiles;
        const int first_query = (item - batch * query_tiles) * BLOCK_S;

        int batch_rest = batch;
        const int b1 = batch_rest % 2;
        batch_rest /= 2;
        const int b0 = batch_rest;
        const Offset y_base = Offset(b0) * (s1*144) + Offset(b1) * (s1*72);
        GLASS_UNROLL
        for (int half = 0; half < 2; half++) {
            f32 sum = parts[half] + shuffle_xor(parts[half], 1);
            sum += shuffle_xor(sum, 2);
            const f32 inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
            const int row = first_query + warp_id() * 16 + half * 8 + lane / 4;
            const Offset y_row = y_base + Offset(row) * 72;
            GLASS_UNROLL
            for (int n = 0; n < WIDTH / 8; n += 4) {
                Vec<u32, 4> words = {};
                GLASS_UNROLL
                for (int i = 0; i < m_min(4, WIDTH / 8 - n); i++) words[i] = pack_pair(result[n + i][half * 2] * inverse, result[n + i][half * 2 + 1] * inverse, bf16{});
                quad_transpose(words);
                const int column = n * 8 + lane % 4 * 8;
                if (row < S && column < 72) store_vec<8>(y0, y_row + column, bit_cast<Vec<bf16, 8>>(words));
            }
        }
    };
    pdl_wait();  // before results are stored over what earlier kernels read
    barrier_wait(q_full[0], q_parity);
    barrier_wait(k_full[stage], parity);
    barrier_wait(turn[group], turn_parity);
    turn_parity ^= 1;
    wgmma_fence();
    GLASS_UNROLL
    for (int step = 0; step < DEPTH / 16; step++) {
        const u64 own = wgmma_step(q_view, step * 32);
        const u64 keys = wgmma_step(k_view, stage * (K_TILE * 2) + step * 32);
        wgmma(score, own, keys, step > 0, Element{}, Element{});
    }
    wgmma_commit();
    if (lane == 0) barrier_arrive(turn[group + 1 == 2 ? 0 : group + 1]);
    wgmma_wait<0>();
    #pragma unroll 1
    for (;;) {
        wgmma_take(score);
        const int first_key = tile * KEYS;
        int batch_rest = batch;
        const int b1 = batch_rest % 2;
        batch_rest /= 2;
        const int b0 = batch_rest;
        const Offset mask_base = Offset(b0) * s2;
        GLASS_UNROLL
        for (int j = 0; j < KEYS / 8; j++) {
            const int key = first_key + j * 8 + lane % 4 * 2;
            bf16 mask_pair[2] = {};
            if (key < T) mask_pair[0] = load(x3, mask_base + Offset(key));
            if (key + 1 < T) mask_pair[1] = load(x3, mask_base + Offset(key + 1));

            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                GLASS_UNROLL
                for (int i = 0; i < 2; i++) {
                    f32& x = score[j][half * 2 + i];
                    x = m_fma(x, SCALE, convert<f32>(mask_pair[i]));
                }
            }
        }
        if (first_key + KEYS > T) {
            GLASS_UNROLL
            for (int j = 0; j < KEYS / 8; j++) {
                GLASS_UNROLL
                for (int word = 0; word < 4; word++) {
                    const int key = first_key + j * 8 + lane % 4 * 2 + word % 2;
                    if (key >= T) score[j][word] = nothing;
                }
            }
        }

        if (tile == 0) {
            done[0] = total[0];
            done[1] = total[1];
            largest[0] = largest[1] = nothing;
            total[0] = total[1] = 0.0f;
        }
        f32 correction[2];
        bool grown = tile == 0 || led;  // of rows of the warp: the references
        if (!grown) {
            GLASS_UNROLL
            for (int j = 0; j < KEYS / 8; j++) {
                GLASS_UNROLL
                for (int word = 0; word < 4; word++) score[j][word] = m_fma(score[j][word], FACTOR, -origin[word / 2]);
            }
            // Positive floats are in the order of their bits, as integers, of which an instruction compares three; NaN is the largest.
            i32 peak = 0;
            GLASS_UNROLL
            for (int j = 0; j < KEYS / 8; j++) {
                GLASS_UNROLL
                for (int word = 0; word < 4; word += 2) {
                    peak = m_max(m_max(peak, bit_cast<i32>(score[j][word])), bit_cast<i32>(score[j][word + 1]));
                }
            }
            grown = warp_ballot(peak > bit_cast<i32>(LAG)) != 0;
            if (grown) {
                f32 next[2];
                GLASS_UNROLL
                for (int half = 0; half < 2; half++) {
                    f32 most = 0.0f;
                    GLASS_UNROLL
                    for (int j = 0; j < KEYS / 8; j++) {
                        most = m_max(most, m_max(score[j][half * 2], score[j][half * 2 + 1]));
                    }
                    most = m_max(most, shuffle_xor(most, 1));
                    most = m_max(most, shuffle_xor(most, 2));
                    next[half] = origin[half] + most;
                }
                // Exponents of very large scores are rounded too coarsely, or infinite: these rows begin with their scores again.
                led = warp_ballot(next[0] > FAR || next[1] > FAR) != 0;
                if (led) {
                    GLASS_UNROLL
                    for (int j = 0; j < KEYS / 8; j++) {
                        GLASS_UNROLL
                        for (int word = 0; word < 4; word++) score[j][word] = 0.0f;
                    }
                    #pragma unroll 1
                    for (int d = 0; d < DEPTH; d++) {
                        const int panel = d / 64, chunk = d % 64 / 8, upper_row = warp_id() * 16 + lane / 4;
                        const Element* const rows = q_tiles + panel * (BLOCK_S * 64) + upper_row * 64 + (chunk ^ lane / 4) * 8 + d % 8;
                        const f32 row[2] = {convert<f32>(rows[0]), convert<f32>(rows[8 * 64])};
                        GLASS_UNROLL
                        for (int i = 0; i < 2; i++) {
                            const int key = lane % 4 * 2 + i;
                            const Element* const keys = k_tiles + stage * K_TILE + panel * (KEYS * 64) + key * 64 + (chunk ^ key) * 8 + d % 8;
                            GLASS_UNROLL
                            for (int j = 0; j < KEYS / 8; j++) {
                                const f32 feature = convert<f32>(keys[j * (8 * 64)]);
                                score[j][i] = m_fma(row[0], feature, score[j][i]);
                                score[j][2 + i] = m_fma(row[1], feature, score[j][2 + i]);
                            }
                        }
                    }
                    sync_warp();  // all lanes have read what the first one releases
                    const Offset mask_base = Offset(b0) * s2;
                    GLASS_UNROLL
                    for (int j = 0; j < KEYS / 8; j++) {
                        const int key = first_key + j * 8 + lane % 4 * 2;
                        bf16 mask_pair[2] = {};
                        if (key < T) mask_pair[0] = load(x3, mask_base + Offset(key));
                        if (key + 1 < T) mask_pair[1] = load(x3, mask_base + Offset(key + 1));

                        GLASS_UNROLL
                        for (int half = 0; half < 2; half++) {
                            GLASS_UNROLL
                            for (int i = 0; i < 2; i++) {
                                f32& x = score[j][half * 2 + i];
                                x = m_fma(x, SCALE, convert<f32>(mask_pair[i]));
                            }
                        }
                    }
                    if (first_key + KEYS > T) {
                        GLASS_UNROLL
                        for (int j = 0; j < KEYS / 8; j++) {
                            GLASS_UNROLL
                            for (int word = 0; word < 4; word++) {
                                const int key = first_key + j * 8 + lane % 4 * 2 + word % 2;
                                if (key >= T) score[j][word] = nothing;
                            }
                        }
                    }
                    largest[0] = origin[0] * UNIT;
                    largest[1] = origin[1] * UNIT;
                } else {
                    GLASS_UNROLL
                    for (int half = 0; half < 2; half++) {
                        const f32 by = next[half] - origin[half];
                        origin[half] = next[half];
                        GLASS_UNROLL
                        for (int j = 0; j < KEYS / 8; j++) {
                            score[j][half * 2] -= by;
                            score[j][half * 2 + 1] -= by;
                        }
                        correction[half] = exp2_fast(-by);
                        total[half] *= correction[half];
                    }
                }
            }
        }
        if (tile == 0 || led) {
            f32 base[2];
            GLASS_UNROLL
            for (int half = 0; half < 2; half++) {
                f32 most = largest[half];
                GLASS_UNROLL
                for (int j = 0; j < KEYS / 8; j++) {
                    most = m_max(most, m_max(score[j][half * 2], score[j][half * 2 + 1]));
                }
                most = m_max(most, shuffle_xor(most, 1));
                most = m_max(most, shuffle_xor(most, 2));
                if (m_abs(most) * FACTOR > FAR) most = convert<f32>(convert<Element>(most));
                base[half] = most == nothing ? 0.0f : most;
                correction[half] = exp2_fast((largest[half] - base[half]) * FACTOR);
                largest[half] = most;
                total[half] *= correction[half];
            }
            // A row without a finite score has no reference yet. Very large ones are subtracted before scores become exponents:
            // their product with FACTOR would be off by more than an ulp, or overflow.
            const bool far = m_abs(base[0]) * FACTOR > FAR || m_abs(base[1]) * FACTOR > FAR;
            led = warp_ballot(far || largest[0] == nothing || largest[1] == nothing) != 0;
            if (far) {
                GLASS_UNROLL
                for (int j = 0; j < KEYS / 8; j++) {
                    GLASS_UNROLL
                    for (int word = 0; word < 4; word++) {
                        f32& x = score[j][word];
                        x = (m_abs(base[word / 2]) * FACTOR > FAR ? convert<f32>(convert<Element>(x)) : x) - base[word / 2];
                    }
                }
                base[0] = base[1] = 0.0f;
            }
            origin[0] = base[0] * FACTOR;
            origin[1] = base[1] * FACTOR;
            GLASS_UNROLL
            for (int j = 0; j < KEYS / 8; j++) {
                GLASS_UNROLL
                for (int word = 0; word < 4; word++) score[j][word] = m_fma(score[j][word], FACTOR, -origin[word / 2]);
            }
        }
        if (lane == 0) barrier_arrive(k_empty[stage]);
        if (lane == 0 && tile + 1 == tiles) barrier_arrive(q_empty[0]);
        stage = stage + 1 == STAGES ? 0 : stage + 1;
        parity ^= stage == 0;
        GLASS_UNROLL
        for (int j = 0; j < KEYS / 8; j++) {
            GLASS_UNROLL
            for (int word = 0; word < 4; word++) {
                score[j][word] = exp2_fast(score[j][word]);
                total[word / 2] += score[j][word];
            }
        }
        wgmma_wait<0>();
        wgmma_take(result);
        if (ended >= 0) {
            if (lane == 0) barrier_arrive(v_empty[v_stage]);
            v_stage = v_stage + 1 == STAGES ? 0 : v_stage + 1;
            v_parity ^= v_stage == 0;
        }
        const bool add = tile > 0;
        if (add && grown) {
            GLASS_UNROLL
            for (int n = 0; n < WIDTH / 8; n++) {
                GLASS_UNROLL
                for (int word = 0; word < 4; word++) result[n][word] *= correction[word / 2];
            }
        }
        GLASS_UNROLL
        for (int step = 0; step < KEYS / 16; step++) {
            GLASS_UNROLL
            for (int i = 0; i < 4; i++) {
                const f32* const pair = score[step * 2 + i / 2] + i % 2 * 2;
                weight[step][i] = pack_pair(pair[0], pair[1], Element{});
            }
        }

        // The scores of the next tile, and the results of this one; those of an item that has ended are stored between.
        const int weighed = item;
        if (++tile == tiles) {
            tile = 0;
            if (item + grid_x() >= items) break;
            item += grid_x();

            batch = item / query_tiles;
            first_query = (item - batch * query_tiles) * BLOCK_S;

            q_parity ^= 1;

            barrier_wait(q_full[0], q_parity);
        }
        barrier_wait(k_full[stage], parity);
        barrier_wait(turn[group], turn_parity);
        turn_parity ^= 1;
        wgmma_fence();
        GLASS_UNROLL
        for (int step = 0; step < DEPTH / 16; step++) {
            const u64 own = wgmma_step(q_view, step * 32);
            const u64 keys = wgmma_step(k_view, stage * (K_TILE * 2) + step * 32);
            wgmma(score, own, keys, step > 0, Element{}, Element{});
        }
        wgmma_commit();
        if (!add && ended >= 0) finish(ended, done);
        ended = weighed;
        wgmma_fence();
        barrier_wait(v_full[v_stage], v_parity);
        GLASS_UNROLL
        for (int step = 0; step < KEYS / 16; step++) {
            const u64 values = wgmma_step(v_view, v_stage * (V_TILE * 2) + step * 2048);
            wgmma_across(result, weight[step], values, add || step > 0, Element{});
        }
        wgmma_commit();
        if (lane == 0) barrier_arrive(turn[group + 1 == 2 ? 0 : group + 1]);
        wgmma_wait<1>();
    }
    const bool add = tiles > 1;
    if (!add && ended >= 0) finish(ended, done);
    barrier_wait(v_full[v_stage], v_parity);
    wgmma_fence();
    GLASS_UNROLL
    for (int step = 0; step < KEYS / 16; step++) {
        const u64 values = wgmma_step(v_view, v_stage * (V_TILE * 2) + step * 2048);
        wgmma_across(result, weight[step], values, add || step > 0, Element{});
    }
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_take(result);
    finish(item, total);
}
