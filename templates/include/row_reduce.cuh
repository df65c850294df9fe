// Reductions over the threads that share a row: ROWS rows a block, WORKERS threads a row.
#pragma once

#include "math.cuh"
#include "math_integer.cuh"
#include "warp.cuh"

namespace glass {

struct Sum {
    template <class T>
    static GLASS_DEVICE T of(T a, T b) { return a + b; }
};
struct Product {
    template <class T>
    static GLASS_DEVICE T of(T a, T b) { return a * b; }
};
struct Maximum {
    template <class T>
    static GLASS_DEVICE T of(T a, T b) { return m_max(a, b); }
};
struct Minimum {
    template <class T>
    static GLASS_DEVICE T of(T a, T b) { return m_min(a, b); }
};
struct Any {
    static GLASS_DEVICE bool of(bool a, bool b) { return a || b; }
};
struct All {
    static GLASS_DEVICE bool of(bool a, bool b) { return a && b; }
};

// Neighbouring threads hold neighbouring rows: partial results meet in shared memory as a tree.
template <class Op, int ROWS, int WORKERS, class T>
GLASS_DEVICE T reduce_across_rows(T value, unsigned char* scratch) {
    T* const partial = reinterpret_cast<T*>(scratch);
    const int row = thread_x() % ROWS;
    const int worker = thread_x() / ROWS;
    partial[worker * ROWS + row] = value;
    sync_threads();
    GLASS_UNROLL
    for (int step = WORKERS / 2; step > 0; step /= 2) {
        if (worker < step) {
            partial[worker * ROWS + row] = Op::of(partial[worker * ROWS + row], partial[(worker + step) * ROWS + row]);
        }
        sync_threads();
    }
    const T result = partial[row];
    sync_threads();
    return result;
}

// Neighbouring threads share a row: warps reduce by shuffles, several warps meet in shared memory.
template <class Op, int WORKERS, class T>
GLASS_DEVICE T reduce_along_row(T value, unsigned char* scratch) {
    GLASS_UNROLL
    for (int mask = (WORKERS < 32 ? WORKERS : 32) / 2; mask > 0; mask /= 2) {
        value = Op::of(value, shuffle_xor(value, mask));
    }
    if constexpr (WORKERS > 32) {
        constexpr int WARPS = WORKERS / 32;
        T* const partial = reinterpret_cast<T*>(scratch);
        const int first = warp_id() / WARPS * WARPS;
        if (lane_id() == 0) partial[warp_id()] = value;
        sync_threads();
        value = partial[first];
        GLASS_UNROLL
        for (int warp = 1; warp < WARPS; ++warp) value = Op::of(value, partial[first + warp]);
        sync_threads();
    }
    return value;
}

// VALUE reduced over the WORKERS threads of this thread's row; every one of them gets the result.
template <class Op, int ROWS, int WORKERS, bool ACROSS, class T>
GLASS_DEVICE T row_reduce(T value, unsigned char* scratch) {
    if constexpr (ACROSS) {
        return reduce_across_rows<Op, ROWS, WORKERS>(value, scratch);
    } else {
        return reduce_along_row<Op, WORKERS>(value, scratch);
    }
}

}  // namespace glass
