#include "glass.cuh"
using namespace glass;

// Several accesses a vector for f32, one for u8; reverses the order of the vectors.
GLASS_KERNEL(32, 1) wide(Input<f32> a, Input<u8> b, Output<f32> x, Output<u8> y) {
    const i64 i = thread_x(), j = 31 - i;
    store_wide<16>(x, 16 * j, load_wide<16>(a, 16 * i));
    store_wide<4>(y, 4 * j, load_wide<4>(b, 4 * i));
}
