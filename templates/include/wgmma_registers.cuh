// wgmma whose first operand is in registers: a thread has the fragments of mma.cuh of its warp's 16 rows. They must not
// change until the wait that covers the product. The second operand is K-major. The rest is as in wgmma.cuh.
//
// A header of its own, because the compiler's front end takes 10 ms over the many operands of these functions.
#pragma once

#include "wgmma.cuh"

namespace glass {

#if defined(GLASS_HOST)

#define GLASS_WGMMA_R_OF(Sum, A, B, AElements, BElements)                          \
    template <int COUNT>                                                           \
    GLASS_DEVICE void wgmma(Sum(&d)[COUNT], const u32 (&a)[4], u64 b, bool add, A, B) { \
        host::wgmma_of_registers<host::AElements, host::BElements>(d, COUNT, a, b, add); \
    }
GLASS_WGMMA_R_OF(f32, f16, f16, F16Elements, F16Elements)
GLASS_WGMMA_R_OF(f32, bf16, bf16, Bf16Elements, Bf16Elements)
GLASS_WGMMA_R_OF(i32, i8, i8, S8Elements, S8Elements)
GLASS_WGMMA_R_OF(i32, u8, i8, U8Elements, S8Elements)
GLASS_WGMMA_R_OF(i32, i8, u8, S8Elements, U8Elements)
GLASS_WGMMA_R_OF(i32, u8, u8, U8Elements, U8Elements)

#else

#if defined(GLASS_HAS_WGMMA)
#define GLASS_WGMMA_R_BODY(COUNT, COLUMNS, NEXT, CONSTRAINT, KINDS, TAIL)                           \
    asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %" NEXT ", 0;\n"                             \
                 "wgmma.mma_async.sync.aligned.m64n" COLUMNS KINDS " {" GLASS_L##COUNT "}, "        \
                 TAIL ";\n}"                                                                        \
                 : GLASS_D##COUNT(CONSTRAINT, 0)                                                    \
                 : "r"(int(add)), "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#else
#define GLASS_WGMMA_R_BODY(COUNT, COLUMNS, NEXT, CONSTRAINT, KINDS, TAIL) __trap()
#endif

#define GLASS_WGMMA_R(COUNT, COLUMNS, NEXT, A0, A1, A2, A3, DB, Sum, CONSTRAINT, A, B, KINDS, END)           \
    GLASS_DEVICE void wgmma(Sum(&d)[COUNT], const u32 (&a)[4], u64 b, bool add, A, B) {                       \
        GLASS_WGMMA_R_BODY(COUNT, COLUMNS, NEXT, CONSTRAINT, KINDS,                                           \
                           "{%" A0 ", %" A1 ", %" A2 ", %" A3 "}, %" DB ", add" END);                         \
    }
#define GLASS_WGMMA_RS(Sum, CONSTRAINT, A, B, KINDS, END)                                                     \
    GLASS_WGMMA_R(4, "8", "4", "5", "6", "7", "8", "9", Sum, CONSTRAINT, A, B, KINDS, END)                    \
    GLASS_WGMMA_R(8, "16", "8", "9", "10", "11", "12", "13", Sum, CONSTRAINT, A, B, KINDS, END)               \
    GLASS_WGMMA_R(16, "32", "16", "17", "18", "19", "20", "21", Sum, CONSTRAINT, A, B, KINDS, END)            \
    GLASS_WGMMA_R(32, "64", "32", "33", "34", "35", "36", "37", Sum, CONSTRAINT, A, B, KINDS, END)            \
    GLASS_WGMMA_R(48, "96", "48", "49", "50", "51", "52", "53", Sum, CONSTRAINT, A, B, KINDS, END)            \
    GLASS_WGMMA_R(64, "128", "64", "65", "66", "67", "68", "69", Sum, CONSTRAINT, A, B, KINDS, END)

GLASS_WGMMA_RS(f32, "+f", f16, f16, "k16.f32.f16.f16", ", 1, 1, 0")
GLASS_WGMMA_RS(f32, "+f", bf16, bf16, "k16.f32.bf16.bf16", ", 1, 1, 0")
GLASS_WGMMA_RS(i32, "+r", i8, i8, "k32.s32.s8.s8", "")
GLASS_WGMMA_RS(i32, "+r", u8, i8, "k32.s32.u8.s8", "")
GLASS_WGMMA_RS(i32, "+r", i8, u8, "k32.s32.s8.u8", "")
GLASS_WGMMA_RS(i32, "+r", u8, u8, "k32.s32.u8.u8", "")

#endif

}  // namespace glass
