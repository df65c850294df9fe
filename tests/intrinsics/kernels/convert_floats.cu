#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(256, 1) narrow(Input<f32> x, Output<f16> a, Output<bf16> b, Output<f8e4m3> c, Output<f8e5m2> d, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    store(a, i, convert<f16>(load(x, i)));
    store(b, i, convert<bf16>(load(x, i)));
    store(c, i, convert<f8e4m3>(load(x, i)));
    store(d, i, convert<f8e5m2>(load(x, i)));
}
GLASS_KERNEL(256, 1) narrow_wide(Input<f64> x, Output<f16> a, Output<f32> b, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    store(a, i, convert<f16>(load(x, i)));
    store(b, i, convert<f32>(load(x, i)));
}
// All patterns of 16 bits, and in their low bytes all patterns of 8.
GLASS_KERNEL(256, 1) widen_all(Output<f32> a, Output<f32> b, Output<f32> c, Output<f32> d) {
    const int i = block_x() * threads_x() + thread_x();
    store(a, i64(i), convert<f32>(f16{u16(i)}));
    store(b, i64(i), convert<f32>(bf16{u16(i)}));
    store(c, i64(i), convert<f32>(f8e4m3{u8(i)}));
    store(d, i64(i), convert<f32>(f8e5m2{u8(i)}));
}

// The same conversions, four elements a thread.
GLASS_KERNEL(256, 1) quantize_quads(Input<f32> x, Output<i8> a, Output<u8> b, Output<f8e4m3> c, Output<f8e5m2> d, Output<i8> e, const int n) {
    const i64 i = (i64(block_x()) * threads_x() + thread_x()) * 4;
    if (i >= n) return;
    const Vec<f32, 4> quad = load_vec<4>(x, i);
    store_vec<4>(a, i, nearest_all<i8>(quad));
    store_vec<4>(b, i, nearest_all<u8>(quad));
    store_vec<4>(c, i, convert_all<f8e4m3>(quad));
    store_vec<4>(d, i, convert_all<f8e5m2>(quad));
    store_vec<4>(e, i, nearest_above_zero_all<i8>(quad));
}
GLASS_KERNEL(256, 1) quantize_each(Input<f32> x, Output<i8> a, Output<u8> b, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    store(a, i, nearest<i8>(load(x, i)));
    store(b, i, nearest<u8>(load(x, i)));
}
// All patterns of 8 bits.
GLASS_KERNEL(64, 1) widen_quads(Input<i8> x, Input<u8> y, Input<f8e4m3> z, Output<f32> a, Output<f32> b, Output<f32> c) {
    const i64 i = thread_x() * 4;
    store_vec<4>(a, i, convert_all<f32>(load_vec<4>(x, i)));
    store_vec<4>(b, i, convert_all<f32>(load_vec<4>(y, i)));
    store_vec<4>(c, i, convert_all<f32>(load_vec<4>(z, i)));
}
