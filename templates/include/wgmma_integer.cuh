// wgmma of 8-bit integers: sums exact in s32, of K-major tiles. The rest of the interface is that of wgmma.cuh.
//
// A header of its own, because the compiler's front end takes 10 ms over the many operands of these functions.
#pragma once

#include "wgmma.cuh"

namespace glass {

#if defined(GLASS_HOST)
GLASS_WGMMA_OF(i32, i8, i8, S8Elements, S8Elements)
GLASS_WGMMA_OF(i32, u8, i8, U8Elements, S8Elements)
GLASS_WGMMA_OF(i32, i8, u8, S8Elements, U8Elements)
GLASS_WGMMA_OF(i32, u8, u8, U8Elements, U8Elements)
#else

#define GLASS_WGMMA_I(COUNT, COLUMNS, NEXT, DA, DB, A, B, KINDS)                                      \
    GLASS_DEVICE void wgmma(i32(&d)[COUNT], u64 a, u64 b, bool add, A, B) {                           \
        GLASS_WGMMA_BODY(COUNT, COLUMNS, NEXT, "+r", KINDS, "%" DA ", %" DB ", add", );               \
    }
#define GLASS_WGMMA_INTEGERS(A, B, KINDS)                        \
    GLASS_WGMMA_I(4, "8", "4", "5", "6", A, B, KINDS)            \
    GLASS_WGMMA_I(8, "16", "8", "9", "10", A, B, KINDS)          \
    GLASS_WGMMA_I(16, "32", "16", "17", "18", A, B, KINDS)       \
    GLASS_WGMMA_I(32, "64", "32", "33", "34", A, B, KINDS)       \
    GLASS_WGMMA_I(48, "96", "48", "49", "50", A, B, KINDS)       \
    GLASS_WGMMA_I(64, "128", "64", "65", "66", A, B, KINDS)      \
    GLASS_WGMMA_I(96, "192", "96", "97", "98", A, B, KINDS)      \
    GLASS_WGMMA_I(128, "256", "128", "129", "130", A, B, KINDS)
GLASS_WGMMA_INTEGERS(i8, i8, "k32.s32.s8.s8")
GLASS_WGMMA_INTEGERS(u8, i8, "k32.s32.u8.s8")
GLASS_WGMMA_INTEGERS(i8, u8, "k32.s32.s8.u8")
GLASS_WGMMA_INTEGERS(u8, u8, "k32.s32.u8.u8")
#endif

}  // namespace glass
