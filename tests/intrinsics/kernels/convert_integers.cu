#include "glass.cuh"
using namespace glass;

template <class From>
GLASS_DEVICE void all_integers(From x, i64 i, Output<i8> a, Output<u8> b, Output<i16> c, Output<u16> d, Output<i32> e,
                               Output<u32> f, Output<i64> g, Output<u64> h, Output<bool> k) {
    store(a, i, convert<i8>(x));
    store(b, i, convert<u8>(x));
    store(c, i, convert<i16>(x));
    store(d, i, convert<u16>(x));
    store(e, i, convert<i32>(x));
    store(f, i, convert<u32>(x));
    store(g, i, convert<i64>(x));
    store(h, i, convert<u64>(x));
    store(k, i, convert<bool>(x));
}
GLASS_KERNEL(256, 1) integers_from_f32(Input<f32> x, Output<i8> a, Output<u8> b, Output<i16> c, Output<u16> d,
                                       Output<i32> e, Output<u32> f, Output<i64> g, Output<u64> h, Output<bool> k,
                                       const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) all_integers(load(x, i), i, a, b, c, d, e, f, g, h, k);
}
GLASS_KERNEL(256, 1) integers_from_f64(Input<f64> x, Output<i8> a, Output<u8> b, Output<i16> c, Output<u16> d,
                                       Output<i32> e, Output<u32> f, Output<i64> g, Output<u64> h, Output<bool> k,
                                       const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) all_integers(load(x, i), i, a, b, c, d, e, f, g, h, k);
}
GLASS_KERNEL(256, 1) integers_from_i64(Input<i64> x, Output<i8> a, Output<u8> b, Output<i16> c, Output<u16> d,
                                       Output<i32> e, Output<u32> f, Output<i64> g, Output<u64> h, Output<bool> k,
                                       const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) all_integers(load(x, i), i, a, b, c, d, e, f, g, h, k);
}
GLASS_KERNEL(256, 1) floats_from_i64(Input<i64> x, Output<f32> a, Output<f64> b, Output<f16> c, Output<bf16> d,
                                     const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    store(a, i, convert<f32>(load(x, i)));
    store(b, i, convert<f64>(load(x, i)));
    store(c, i, convert<f16>(load(x, i)));
    store(d, i, convert<bf16>(load(x, i)));
}
