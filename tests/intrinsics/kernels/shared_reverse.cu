#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) shared_reverse(Input<f32> x, Output<f32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    f32* const tile = reinterpret_cast<f32*>(smem);
    const i64 base = i64(block_x()) * threads_x();
    tile[thread_x()] = load(x, base + thread_x());
    sync_threads();
    store(y, base + thread_x(), tile[threads_x() - 1 - thread_x()]);
}
