#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) short_sigmoid(Input<f32> x, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, m_short_sigmoid(load(x, i)));
}
GLASS_KERNEL(128, 1) short_gelu(Input<f32> x, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, m_short_gelu(load(x, i)));
}
GLASS_KERNEL(128, 1) short_tanh(Input<f32> x, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, m_short_tanh(load(x, i)));
}
GLASS_KERNEL(128, 1) short_memory(Input<f32> kept, Input<f32> memory, Input<f32> admitted, Input<f32> fresh, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, m_short_memory(load(kept, i), load(memory, i), load(admitted, i), load(fresh, i)));
}
GLASS_KERNEL(128, 1) short_gated_tanh(Input<f32> gate, Input<f32> x, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, m_short_gated_tanh(load(gate, i), load(x, i)));
}
// Sums, differences and products of pairs of f16, N at a time.
template <int N>
GLASS_DEVICE void arithmetic(Input<f16> x, Input<f16> y, Output<f16> sums, Output<f16> differences, Output<f16> products) {
    const i64 i = (i64(block_x()) * threads_x() + thread_x()) * N;
    const auto one = load_wide<N>(x, i);
    const auto other = load_wide<N>(y, i);
    store_wide<N>(sums, i, add_all(one, other));
    store_wide<N>(differences, i, sub_all(one, other));
    store_wide<N>(products, i, mul_all(one, other));
}
GLASS_KERNEL(64, 1) arithmetic_f16(Input<f16> x, Input<f16> y, Output<f16> a, Output<f16> b, Output<f16> c) { arithmetic<8>(x, y, a, b, c); }
GLASS_KERNEL(64, 1) arithmetic_f16_16(Input<f16> x, Input<f16> y, Output<f16> a, Output<f16> b, Output<f16> c) { arithmetic<16>(x, y, a, b, c); }
