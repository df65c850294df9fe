#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(64, 1) warp_reduce_all(Input<f32> x, Output<f32> y, Output<i32> z) {
    const i64 i = thread_x(), n = threads_x();
    const f32 value = load(x, i);
    store(y, i, warp_sum(value));
    store(y, n + i, warp_max(value));
    store(y, 2 * n + i, warp_min(value));
    store(z, i, warp_sum(thread_x()));
}
