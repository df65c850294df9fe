// wgmma of 8-bit floats of which one at least is f8e5m2. The rest is as in wgmma_f8.cuh.
//
// A header of its own, because the compiler's front end takes 10 ms over the many operands of these functions.
#pragma once

#include "wgmma_f8.cuh"

namespace glass {

#if defined(GLASS_HOST)
GLASS_WGMMA_OF(f32, f8e4m3, f8e5m2, E4m3Elements, E5m2Elements)
GLASS_WGMMA_OF(f32, f8e5m2, f8e4m3, E5m2Elements, E4m3Elements)
GLASS_WGMMA_OF(f32, f8e5m2, f8e5m2, E5m2Elements, E5m2Elements)
#else
GLASS_WGMMA_BYTES(f8e4m3, f8e5m2, "k32.f32.e4m3.e5m2")
GLASS_WGMMA_BYTES(f8e5m2, f8e4m3, "k32.f32.e5m2.e4m3")
GLASS_WGMMA_BYTES(f8e5m2, f8e5m2, "k32.f32.e5m2.e5m2")
#endif

}  // namespace glass
