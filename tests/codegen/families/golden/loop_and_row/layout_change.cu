// k_copy_7c865321: cast
//
// Loop nest: 256 threads per block, 1 element per thread.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(256, 1) k_copy_7c865321(Input<f16> x0, Output<f16> y0, const int s0) {
    pdl_launch_dependents();
    pdl_wait();
    const int element = int(block_x()) * 256 + thread_x();
    if (element >= s0*420) return;
    const int i0 = element / 420;
    const int i1 = element / 35 % 12;
    const int i2 = element / 7 % 5;
    const int i3 = element % 7;
    const f16 x0_1 = load(x0, i0*420 + i1 + i2*84 + i3*12);
    store(y0, element, x0_1);
}
