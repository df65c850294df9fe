#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(64, 1) atomics(Input<i32> x, Output<f32> f, Output<f64> d, Output<i32> s, Output<u32> seen) {
    const i32 value = load(x, i64(block_x()) * threads_x() + thread_x());
    atomic_add(f, value & 3, f32(value));
    atomic_add(d, value & 3, f64(value));
    atomic_add(s, value & 3, value);
    const u32 ticket = atomic_add_u32(seen, 0, 1u);
    atomic_add_u32(seen, 1 + i64(ticket), 1u);
}
