#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) fast_exp2(Input<f32> x, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, exp2_fast(load(x, i)));
}
// Each number with its mirror image.
GLASS_KERNEL(128, 1) pack_pairs(Input<f32> x, Output<u32> halves, Output<u32> shorts, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    store(halves, i, pack_pair(load(x, i), load(x, n - 1 - i), f16{}));
    store(shorts, i, pack_pair(load(x, i), load(x, n - 1 - i), bf16{}));
}
