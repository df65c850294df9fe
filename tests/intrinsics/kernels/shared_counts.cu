#include "glass.cuh"
using namespace glass;

// Counts each of 8 values; threads add to the same number at once.
GLASS_KERNEL(128, 1) shared_counts(Input<i32> x, Output<i32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    i32* const counts = reinterpret_cast<i32*>(smem);
    if (thread_x() < 8) counts[thread_x()] = 0;
    sync_threads();
    const i32 value = load(x, block_x() * 128 + thread_x());
    shared_add(counts, value & 7, value);
    sync_threads();
    if (thread_x() < 8) store(y, block_x() * 8 + thread_x(), counts[thread_x()]);
}
