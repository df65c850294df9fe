// Programmatic dependent launch (PTX griddepcontrol, sm_90 and later; elsewhere launches are serial).
#pragma once

#include "types.cuh"

namespace glass {

// Blocks until the kernels before this one have finished and their writes are visible.
GLASS_DEVICE void pdl_wait() {
#if !defined(GLASS_HOST) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel's blocks be scheduled from here on.
GLASS_DEVICE void pdl_launch_dependents() {
#if !defined(GLASS_HOST) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace glass
