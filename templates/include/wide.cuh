// Vectors of any power-of-two length, moved in accesses of at most 16 bytes.
#pragma once

#include "memory.cuh"

namespace glass {

template <class T, int N>
inline constexpr int elements_per_access = sizeof(T) * N <= 16 ? N : int(16 / sizeof(T));

template <int N, class T>
GLASS_DEVICE Vec<T, N> load_wide(Input<T> p, i64 i) {
    constexpr int STEP = elements_per_access<T, N>;
    if constexpr (STEP == N) return load_vec<N>(p, i);  // a word stays one: bytes are dear to take apart
    else {
        Vec<T, N> result;
        GLASS_UNROLL
        for (int start = 0; start < N; start += STEP) {
            const Vec<T, STEP> part = load_vec<STEP>(p, i + start);
            GLASS_UNROLL
            for (int k = 0; k < STEP; ++k) result[start + k] = part[k];
        }
        return result;
    }
}

template <int N, class T>
GLASS_DEVICE void store_wide(Output<T> p, i64 i, Vec<T, N> value) {
    constexpr int STEP = elements_per_access<T, N>;
    if constexpr (STEP == N) store_vec<N>(p, i, value);
    else {
        GLASS_UNROLL
        for (int start = 0; start < N; start += STEP) {
            Vec<T, STEP> part;
            GLASS_UNROLL
            for (int k = 0; k < STEP; ++k) part[k] = value[start + k];
            store_vec<STEP>(p, i + start, part);
        }
    }
}

}  // namespace glass
