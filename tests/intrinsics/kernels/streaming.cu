#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) streaming(Input<f32> x, Output<f32> y) {
    const i64 i = thread_x();
    prefetch_l2(x, 4 * i);
    Vec<f32, 4> v = load_vec_streaming<4>(x, 4 * i);
    v[0] = load_streaming(x, 4 * (31 - i));
    store_vec(y, 4 * i, v);
}
