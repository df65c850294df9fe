#include "glass.cuh"
using namespace glass;

// Reverses the order of vectors, not the order within them.
GLASS_KERNEL(32, 1) vectors(Input<f32> a, Input<f16> b, Input<u8> c, Output<f32> x, Output<f16> y, Output<u8> z) {
    const i64 i = thread_x(), j = 31 - i;
    store_vec(x, 4 * j, load_vec<4>(a, 4 * i));
    store_vec(y, 2 * j, load_vec<2>(b, 2 * i));
    store_vec(z, 8 * j, load_vec<8>(c, 8 * i));
}
