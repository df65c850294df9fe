#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(256, 1) narrow_small(Input<f32> x, Output<f8e4m3fnuz> a, Output<f8e5m2fnuz> b, Output<f8e8m0> c, Output<f6e2m3> d,
                                  Output<f6e3m2> e, Output<f4e2m1> f, Output<i4> g, Output<u4> h, Output<i2> k, Output<u2> l,
                                  const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const f32 number = load(x, i);
    store(a, i, convert<f8e4m3fnuz>(number));
    store(b, i, convert<f8e5m2fnuz>(number));
    store(c, i, convert<f8e8m0>(number));
    store(d, i, convert<f6e2m3>(number));
    store(e, i, convert<f6e3m2>(number));
    store(f, i, convert<f4e2m1>(number));
    store(g, i, convert<i4>(number));
    store(h, i, convert<u4>(number));
    store(k, i, convert<i2>(number));
    store(l, i, convert<u2>(number));
}
// All patterns of 8 bits; those of less than a byte with whatever is above them.
GLASS_KERNEL(256, 1) widen_small(Output<f32> a, Output<f32> b, Output<f32> c, Output<f32> d, Output<f32> e, Output<f32> f,
                                 Output<i32> g, Output<i32> h, Output<i32> k, Output<i32> l) {
    const int i = thread_x();
    store(a, i64(i), convert<f32>(f8e4m3fnuz{u8(i)}));
    store(b, i64(i), convert<f32>(f8e5m2fnuz{u8(i)}));
    store(c, i64(i), convert<f32>(f8e8m0{u8(i)}));
    store(d, i64(i), convert<f32>(f6e2m3{u8(i)}));
    store(e, i64(i), convert<f32>(f6e3m2{u8(i)}));
    store(f, i64(i), convert<f32>(f4e2m1{u8(i)}));
    store(g, i64(i), convert<i32>(i4{u8(i)}));
    store(h, i64(i), convert<i32>(u4{u8(i)}));
    store(k, i64(i), convert<i32>(i2{u8(i)}));
    store(l, i64(i), convert<i32>(u2{u8(i)}));
}
