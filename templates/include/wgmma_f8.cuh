// wgmma of f8e4m3, of K-major tiles: sums in f32 registers, of which the tensor core keeps about 14 bits. Long sums
// are therefore promoted: added up elsewhere every few steps. The rest of the interface is that of wgmma.cuh.
//
// A header of its own, because the compiler's front end takes 10 ms over the many operands of these functions.
#pragma once

#include "wgmma.cuh"

namespace glass {

#if defined(GLASS_HOST)
GLASS_WGMMA_OF(f32, f8e4m3, f8e4m3, E4m3Elements, E4m3Elements)
#else

#define GLASS_WGMMA_E(COUNT, COLUMNS, NEXT, DA, DB, A, B, KINDS)                              \
    GLASS_DEVICE void wgmma(f32(&d)[COUNT], u64 a, u64 b, bool add, A, B) {                   \
        GLASS_WGMMA_BODY(COUNT, COLUMNS, NEXT, "+f", KINDS, "%" DA ", %" DB ", add, 1, 1", ); \
    }
#define GLASS_WGMMA_BYTES(A, B, KINDS)                        \
    GLASS_WGMMA_E(4, "8", "4", "5", "6", A, B, KINDS)         \
    GLASS_WGMMA_E(8, "16", "8", "9", "10", A, B, KINDS)       \
    GLASS_WGMMA_E(16, "32", "16", "17", "18", A, B, KINDS)    \
    GLASS_WGMMA_E(32, "64", "32", "33", "34", A, B, KINDS)    \
    GLASS_WGMMA_E(48, "96", "48", "49", "50", A, B, KINDS)    \
    GLASS_WGMMA_E(64, "128", "64", "65", "66", A, B, KINDS)   \
    GLASS_WGMMA_E(96, "192", "96", "97", "98", A, B, KINDS)   \
    GLASS_WGMMA_E(128, "256", "128", "129", "130", A, B, KINDS)
GLASS_WGMMA_BYTES(f8e4m3, f8e4m3, "k32.f32.e4m3.e4m3")
#endif

}  // namespace glass
