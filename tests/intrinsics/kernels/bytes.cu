#include "glass.cuh"
using namespace glass;

// Sums of four products of bytes onto a sum.
template <class X, class Y>
GLASS_DEVICE void dots(Input<u32> x, Input<u32> y, Input<i32> sum, Output<i32> z) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    store(z, i, dot_quads<X, Y>(load(x, i), load(y, i), load(sum, i)));
}

GLASS_KERNEL(64, 1) dots_i8_i8(Input<u32> x, Input<u32> y, Input<i32> sum, Output<i32> z) { dots<i8, i8>(x, y, sum, z); }
GLASS_KERNEL(64, 1) dots_i8_u8(Input<u32> x, Input<u32> y, Input<i32> sum, Output<i32> z) { dots<i8, u8>(x, y, sum, z); }
GLASS_KERNEL(64, 1) dots_u8_i8(Input<u32> x, Input<u32> y, Input<i32> sum, Output<i32> z) { dots<u8, i8>(x, y, sum, z); }
GLASS_KERNEL(64, 1) dots_u8_u8(Input<u32> x, Input<u32> y, Input<i32> sum, Output<i32> z) { dots<u8, u8>(x, y, sum, z); }

// Four vectors of N bytes as N words of four.
template <int N>
GLASS_DEVICE void words_of_four(Input<u8> x, Output<u32> y) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    const auto first = zipped(load_vec<N>(x, 4 * i * N), load_vec<N>(x, (4 * i + 1) * N));
    const auto second = zipped(load_vec<N>(x, (4 * i + 2) * N), load_vec<N>(x, (4 * i + 3) * N));
    store_wide<N>(y, i * N, transposed(first, second));
}

GLASS_KERNEL(64, 1) transposed_4(Input<u8> x, Output<u32> y) { words_of_four<4>(x, y); }
GLASS_KERNEL(64, 1) transposed_16(Input<u8> x, Output<u32> y) { words_of_four<16>(x, y); }

// The nearest integers of quotients, by a division and by the parts of a reciprocal.
GLASS_KERNEL(64, 1) quotients(Input<f32> x, Input<f32> y, Input<f32> high, Input<f32> low, Output<i8> signed_bytes, Output<u8> bytes) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    const f32 quotient = quotient_to_round(load(x, i), load(y, i), load(high, i), load(low, i));
    store(signed_bytes, i, nearest<i8>(quotient));
    store(bytes, i, nearest<u8>(quotient));
}

// Eight bytes as halves.
template <class From>
GLASS_DEVICE void widened(Input<u32> x, Output<u32> y) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    store_vec<4>(y, 4 * i, bytes_to_halves(Vec<u32, 2>{load(x, 2 * i), load(x, 2 * i + 1)}, From{}));
}
GLASS_KERNEL(64, 1) halves_of_i8(Input<u32> x, Output<u32> y) { widened<i8>(x, y); }
GLASS_KERNEL(64, 1) halves_of_f8e4m3(Input<u32> x, Output<u32> y) { widened<f8e4m3>(x, y); }
