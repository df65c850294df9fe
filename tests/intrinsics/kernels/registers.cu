#include "wgmma.cuh"
using namespace glass;

// The last of three warpgroups gives up registers, which the others take.
GLASS_KERNEL(384, 1) registers(Input<i32> x, Output<i32> y) {
    if (thread_x() >= 256) {
        registers_release<40>();
        store(y, thread_x(), -load(x, thread_x()));
        return;
    }
    registers_take<232>();
    store(y, thread_x(), load(x, thread_x()) + 1);
}
