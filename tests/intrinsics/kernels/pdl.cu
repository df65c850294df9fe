#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) pdl(Input<i32> x, Output<i32> y) {
    pdl_wait();
    const i32 value = load(x, thread_x());
    pdl_launch_dependents();
    store(y, thread_x(), value + 1);
}
