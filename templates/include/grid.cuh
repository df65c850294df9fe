// Counters in global memory at which the blocks of a cooperative grid wait for each other (PTX "red", "ld" with release and
// acquire at the scope of the GPU). The host device runs such a grid as one cluster.
#pragma once

#include "launch.cuh"

namespace glass {

// By one thread, after sync_threads(): counts the block at counter `i`, and publishes all that its threads have written.
GLASS_DEVICE void grid_arrive(Output<u32> counters, i64 i) {
#if defined(GLASS_HOST)
    host::grid_arrive(&counters[i]);
#else
    asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(counters + i) : "memory");
#endif
}

// Until counter `i` is `count` or more. What was published before is seen by this thread, and after sync_threads() by its
// block; loads that may come from the L1 cache can still give what was there before.
GLASS_DEVICE void grid_wait(Output<u32> counters, i64 i, u32 count) {
#if defined(GLASS_HOST)
    host::grid_wait(&counters[i], count);
#else
    u32 found;
    do {
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(found) : "l"(counters + i) : "memory");
    } while (found < count);
#endif
}

}  // namespace glass
