// k_copy_13cd25f0: cast
//
// Loop nest: 256 threads per block, 1 element per thread.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(256, 1) k_copy_13cd25f0(Input<f32> x0, Output<f32> y0, const int s0) {
    pdl_launch_dependents();
    pdl_wait();
    const int element = int(block_x()) * 256 + thread_x();
    if (element >= s0*400) return;
    const int i0 = element / 400;
    const int i1 = element / 25 % 16;
    const int i2 = element / 5 % 5;
    const int i3 = element % 5;
    const f32 x0_1 = load(x0, i0*400 + i1 + i2*80 + i3*16);
    store(y0, element, x0_1);
}
