#include "glass.cuh"
using namespace glass;

// The larger and the smaller of two vectors, each as words, and a vector that is one element repeated.
template <int N, class T>
GLASS_DEVICE void extremes(Input<T> x, Input<T> y, Output<T> a, Output<T> b, Output<T> c) {
    const i64 i = (i64(block_x()) * threads_x() + thread_x()) * N;
    const auto one = load_packed<N>(x, i);
    const auto other = load_packed<N>(y, i);
    store_vec<N>(a, i, unpacked(max_all(one, other)));
    store_vec<N>(b, i, unpacked(min_all(one, other)));
    store_vec<N>(c, i, unpacked(filled<N>(load(x, i))));
}

GLASS_KERNEL(64, 1) packed_i8(Input<i8> x, Input<i8> y, Output<i8> a, Output<i8> b, Output<i8> c) { extremes<16>(x, y, a, b, c); }
GLASS_KERNEL(64, 1) packed_u8(Input<u8> x, Input<u8> y, Output<u8> a, Output<u8> b, Output<u8> c) { extremes<4>(x, y, a, b, c); }
GLASS_KERNEL(64, 1) packed_f16(Input<f16> x, Input<f16> y, Output<f16> a, Output<f16> b, Output<f16> c) { extremes<8>(x, y, a, b, c); }
GLASS_KERNEL(64, 1) packed_bf16(Input<bf16> x, Input<bf16> y, Output<bf16> a, Output<bf16> b, Output<bf16> c) { extremes<2>(x, y, a, b, c); }

// Whether a half of a word is not finite, beside a sum that is not spoiled and one that is.
template <class T>
GLASS_DEVICE void spoil(Input<u32> x, Output<u32> y, Output<u32> z) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    const u32 once = spoiled(0, load(x, i), T{});
    y[i] = once != 0;
    z[i] = spoiled(once, 0x3c003c00u, T{}) != 0;
}
GLASS_KERNEL(64, 1) spoiled_f16(Input<u32> x, Output<u32> y, Output<u32> z) { spoil<f16>(x, y, z); }
GLASS_KERNEL(64, 1) spoiled_bf16(Input<u32> x, Output<u32> y, Output<u32> z) { spoil<bf16>(x, y, z); }
