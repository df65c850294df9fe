#include "glass.cuh"
using namespace glass;

// Every third vector is left out, and is the first element then.
template <int N, class T>
GLASS_DEVICE void load_some(Input<T> x, Output<T> y, Output<T> z) {
    const i64 i = i64(thread_x()) * N;
    const T one = load(x, 0);
    Vec<T, N> wide;
    GLASS_UNROLL
    for (int k = 0; k < N; k++) wide[k] = one;
    load_wide_if<N>(thread_x() % 3 != 0, wide, x, i);
    store_wide<N>(y, i, wide);
    auto packed = filled<N>(one);
    load_packed_if<N>(thread_x() % 3 != 0, packed, x, i);
    store_vec<N>(z, i, unpacked(packed));
}

GLASS_KERNEL(64, 1) predicated_1(Input<u8> x, Output<u8> y, Output<u8> z) { load_some<4>(x, y, z); }
GLASS_KERNEL(64, 1) predicated_2(Input<f16> x, Output<f16> y, Output<f16> z) { load_some<4>(x, y, z); }
GLASS_KERNEL(64, 1) predicated_4(Input<f32> x, Output<f32> y, Output<f32> z) { load_some<4>(x, y, z); }

// Of less than a word, and of several.
GLASS_KERNEL(64, 1) predicated_others(Input<f16> a, Input<f32> b, Output<f16> x, Output<f32> y) {
    const int i = thread_x();
    Vec<f16, 1> one;
    Vec<f32, 8> eight;
    one[0] = load(a, 0);
    GLASS_UNROLL
    for (int k = 0; k < 8; k++) eight[k] = load(b, 0);
    load_wide_if<1>(i % 3 != 0, one, a, i);
    load_wide_if<8>(i % 3 != 0, eight, b, 8 * i);
    store_wide<1>(x, i, one);
    store_wide<8>(y, 8 * i, eight);
}
