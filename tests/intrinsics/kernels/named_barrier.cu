#include "glass.cuh"
using namespace glass;

// Two pairs of warps, each pair handing data over through a barrier of its own.
GLASS_KERNEL(128, 1) named_barrier(Input<i32> x, Output<i32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    i32* const tile = reinterpret_cast<i32*>(smem);
    const int pair = warp_id() / 2, base = 64 * pair, own = thread_x() - base;
    tile[thread_x()] = load(x, thread_x());
    for (int round = 0; round < 3; round++) {
        named_barrier_sync(1 + pair, 64);
        const i32 other = tile[base + (own + 33) % 64];
        named_barrier_sync(1 + pair, 64);
        tile[thread_x()] = other + pair;
    }
    store(y, thread_x(), tile[thread_x()]);
}
