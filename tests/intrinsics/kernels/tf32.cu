#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(256, 1) round_tf32(Input<f32> x, Output<u32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, to_tf32(load(x, i)));
}
