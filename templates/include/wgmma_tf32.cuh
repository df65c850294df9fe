// wgmma of tf32, of K-major tiles: sums in f32. The tensor core ignores the low 13 bits of each f32, which whoever brings
// the tiles has rounded away. The rest of the interface is that of wgmma.cuh.
//
// A header of its own, because the compiler's front end takes 10 ms over the many operands of these functions.
#pragma once

#include "wgmma.cuh"

namespace glass {

#if defined(GLASS_HOST)
GLASS_WGMMA_OF(f32, f32, f32, Tf32Elements, Tf32Elements)
#else

#define GLASS_WGMMA_T(COUNT, COLUMNS, NEXT, DA, DB)                                                       \
    GLASS_DEVICE void wgmma(f32(&d)[COUNT], u64 a, u64 b, bool add, f32, f32) {                           \
        GLASS_WGMMA_BODY(COUNT, COLUMNS, NEXT, "+f", "k8.f32.tf32.tf32", "%" DA ", %" DB ", add, 1, 1", ); \
    }
GLASS_WGMMA_T(4, "8", "4", "5", "6")
GLASS_WGMMA_T(8, "16", "8", "9", "10")
GLASS_WGMMA_T(16, "32", "16", "17", "18")
GLASS_WGMMA_T(32, "64", "32", "33", "34")
GLASS_WGMMA_T(48, "96", "48", "49", "50")
GLASS_WGMMA_T(64, "128", "64", "65", "66")
GLASS_WGMMA_T(96, "192", "96", "97", "98")
GLASS_WGMMA_T(128, "256", "128", "129", "130")
#endif

}  // namespace glass
