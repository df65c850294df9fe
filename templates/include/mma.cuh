// Tensor-core tiles of one warp: ldmatrix and mma.sync (PTX "Warp Level Matrix Instructions", sm_80).
//
// Fragments, with g = lane / 4 and t = lane % 4, elements being f16/bf16 (k16), tf32 (k8) or 8 bits (k32):
//   a[0] row g, first half of k;  a[1] row g + 8;  a[2], a[3] the same rows, second half of k
//   b[0] column g, first half of k;  b[1] column g, second half of k
//   d[0], d[1] row g, columns 2t and 2t + 1;  d[2], d[3] row g + 8
// Within a half, lane t holds the t-th 32-bit word of the row.
#pragma once

#include "convert.cuh"
#include "launch.cuh"

#if defined(GLASS_HOST)
#include "host_mma.hpp"
#endif

namespace glass {

// Nearest tf32, ties to even, as bulk copies round; the bits of an f32 whose low 13 bits are 0, unless it is NaN.
GLASS_DEVICE u32 to_tf32(f32 x) {
#if defined(GLASS_HOST)
    return host::nearest_tf32(bit_cast<u32>(x));
#elif __CUDA_ARCH__ >= 900
    u32 bits;
    asm("cvt.rn.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
#else
    // Only ties away from zero here: one whose even neighbour is nearer to zero is made less than a tie.
    u32 bits = bit_cast<u32>(x);
    bits -= (bits & 0x3fffu) == 0x1000u;
    asm("cvt.rna.tf32.f32 %0, %0;" : "+r"(bits));
    return bits;
#endif
}

// Loads 8x8 matrices of 16-bit elements from shared memory. Lanes 8i .. 8i + 7 give the addresses of
// the eight 16-byte rows of matrix i; lane l receives word l % 4 of row l / 4 of each matrix. The
// _trans forms deliver the transposed matrices.
#if defined(GLASS_HOST)

GLASS_DEVICE void ldmatrix_x4(u32 (&r)[4], const void* row) { host::ldmatrix<4, false>(r, row, "ldmatrix_x4"); }
GLASS_DEVICE void ldmatrix_x2(u32 (&r)[2], const void* row) { host::ldmatrix<2, false>(r, row, "ldmatrix_x2"); }
GLASS_DEVICE void ldmatrix_x4_trans(u32 (&r)[4], const void* row) {
    host::ldmatrix<4, true>(r, row, "ldmatrix_x4_trans");
}
GLASS_DEVICE void ldmatrix_x2_trans(u32 (&r)[2], const void* row) {
    host::ldmatrix<2, true>(r, row, "ldmatrix_x2_trans");
}

// d += a * b on a 16 x 8 tile; sums in f32, exact in s32 for integers. Tensor cores keep fewer than 24
// bits of sums of 8-bit floats, so that only the 32 products of one step are added there.
GLASS_DEVICE void mma_m16n8k16(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], f16) {
    host::mma<host::F16Elements>(d, a, b, "mma_m16n8k16 f16");
}
GLASS_DEVICE void mma_m16n8k16(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], bf16) {
    host::mma<host::Bf16Elements>(d, a, b, "mma_m16n8k16 bf16");
}
GLASS_DEVICE void mma_m16n8k8_tf32(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    host::mma<host::Tf32Elements>(d, a, b, "mma_m16n8k8_tf32");
}
GLASS_DEVICE void mma_m16n8k32(i32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], i8, i8) {
    host::mma<host::S8Elements>(d, a, b, "mma_m16n8k32 s8.s8");
}
GLASS_DEVICE void mma_m16n8k32(i32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], u8, i8) {
    host::mma<host::U8Elements, host::S8Elements>(d, a, b, "mma_m16n8k32 u8.s8");
}
GLASS_DEVICE void mma_m16n8k32(i32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], i8, u8) {
    host::mma<host::S8Elements, host::U8Elements>(d, a, b, "mma_m16n8k32 s8.u8");
}
GLASS_DEVICE void mma_m16n8k32(i32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], u8, u8) {
    host::mma<host::U8Elements>(d, a, b, "mma_m16n8k32 u8.u8");
}
#define GLASS_MMA_F8(A, B, AElements, BElements)                                                              \
    GLASS_DEVICE void mma_m16n8k32(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], A, B) {                 \
        f32 products[4] = {};                                                                                 \
        host::mma<host::AElements, host::BElements>(products, a, b, "mma_m16n8k32 of 8-bit floats");          \
        for (int i = 0; i < 4; i++) d[i] += products[i];                                                      \
    }
GLASS_MMA_F8(f8e4m3, f8e4m3, E4m3Elements, E4m3Elements)
GLASS_MMA_F8(f8e4m3, f8e5m2, E4m3Elements, E5m2Elements)
GLASS_MMA_F8(f8e5m2, f8e4m3, E5m2Elements, E4m3Elements)
GLASS_MMA_F8(f8e5m2, f8e5m2, E5m2Elements, E5m2Elements)

#else

GLASS_DEVICE void ldmatrix_x4(u32 (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(u32(__cvta_generic_to_shared(row)))
                 : "memory");
}
GLASS_DEVICE void ldmatrix_x2(u32 (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(u32(__cvta_generic_to_shared(row)))
                 : "memory");
}
GLASS_DEVICE void ldmatrix_x4_trans(u32 (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(u32(__cvta_generic_to_shared(row)))
                 : "memory");
}
GLASS_DEVICE void ldmatrix_x2_trans(u32 (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(u32(__cvta_generic_to_shared(row)))
                 : "memory");
}

// d += a * b on a 16 x 8 tile.
GLASS_DEVICE void mma_m16n8k16(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], f16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
GLASS_DEVICE void mma_m16n8k16(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], bf16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
GLASS_DEVICE void mma_m16n8k8_tf32(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
GLASS_DEVICE void mma_m16n8k32(i32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], i8, i8) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
GLASS_DEVICE void mma_m16n8k32(i32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], u8, i8) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
GLASS_DEVICE void mma_m16n8k32(i32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], i8, u8) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
GLASS_DEVICE void mma_m16n8k32(i32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], u8, u8) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.u8.u8.s32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#if __CUDA_ARCH__ >= 890
// What is added to d is a sum of its own, in f32.
#define GLASS_MMA_F8(A, B, KINDS)                                                                             \
    GLASS_DEVICE void mma_m16n8k32(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], A, B) {                 \
        f32 products[4] = {};                                                                                 \
        asm volatile(                                                                                         \
            "mma.sync.aligned.m16n8k32.row.col.f32." KINDS ".f32 "                                            \
            "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                                 \
            : "+f"(products[0]), "+f"(products[1]), "+f"(products[2]), "+f"(products[3])                      \
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                              \
        for (int i = 0; i < 4; i++) d[i] += products[i];                                                      \
    }
GLASS_MMA_F8(f8e4m3, f8e4m3, "e4m3.e4m3")
GLASS_MMA_F8(f8e4m3, f8e5m2, "e4m3.e5m2")
GLASS_MMA_F8(f8e5m2, f8e4m3, "e5m2.e4m3")
GLASS_MMA_F8(f8e5m2, f8e5m2, "e5m2.e5m2")
#endif

#endif

}  // namespace glass
