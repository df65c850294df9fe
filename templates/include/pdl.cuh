// Programmatic dependent launch (PTX griddepcontrol, sm_90 and later; elsewhere launches are serial).
#pragma once

#include "launch.cuh"

namespace glass {

// Blocks until the kernels before this one have finished and their writes are visible. A kernel ends when all of its threads do,
// and the one behind it waits for that alone: it may count on the end of all kernels before only if one thread at least of every
// kernel waits, whatever the sizes. A block without work may go without waiting where another one has work.
GLASS_DEVICE void pdl_wait() {
#if defined(GLASS_HOST)
    host::wait_for_earlier();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel's blocks be scheduled from here on.
GLASS_DEVICE void pdl_launch_dependents() {
#if defined(GLASS_HOST)
    host::next_may_start();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace glass
