// Tensor-core tiles of a warpgroup: wgmma (PTX "Asynchronous Warpgroup Level Matrix Instructions", sm_90a).
//
// All 128 threads of four consecutive warps, the first a multiple of four, multiply together. Products run in the
// background: between their issue and the wait that covers them, nobody may touch the accumulators, nor write the
// tiles. With w = warp % 4, g = lane / 4 and t = lane % 4, accumulator i of a thread is
//   row 16w + g + 8 * (i / 2 % 2), column 8 * (i / 4) + 2t + i % 2
// of a result of 64 rows and 2 * (number of accumulators) columns.
//
// Only kernels that multiply so include this header; those of integers include wgmma_integer.cuh.
#pragma once

#include "glass.cuh"
#include "multicast.cuh"

#if defined(GLASS_HOST)
#include "host_wgmma.hpp"
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define GLASS_HAS_WGMMA 1
#endif

namespace glass {

// A tile in shared memory has lines of 128 bytes, swizzled as a bulk copy with 128B does: 16-byte chunk c of line l lies
// at c ^ (l % 8). Its first line is aligned to 1024 bytes. A line of a K-major tile is a row of A (a column of B) along
// k. One of an MN-major tile, of 16-bit elements, is a step of k along 64 rows (columns); further ones lie `slab` bytes
// behind. A K-major tile may have lines of 64 or 32 bytes, swizzled as with 64B or 32B: chunk c of line l at
// c ^ (l / 2 % 4), or at c ^ (l / 4 % 2).
//
// Of a K-major tile, eight lines may lie `eight_lines` bytes behind the eight before them, and wgmma_step may move its
// start by any number of lines: where a chunk lies is a matter of its address. So a window slides over the pixels of a patch.
template <int LINE = 128>
GLASS_DEVICE u64 wgmma_tile(const void* tile, int slab = 16, int eight_lines = 8 * LINE) {
    static_assert(LINE == 128 || LINE == 64 || LINE == 32, "lines of 128, 64 or 32 bytes");
#if defined(GLASS_HOST)
    const u64 address = host::shared_offset(tile, 8 * LINE, "wgmma_tile");
#else
    const u64 address = u32(__cvta_generic_to_shared(tile));
#endif
    constexpr u64 swizzle = LINE == 128 ? 1 : LINE == 64 ? 2 : 3;
    return (address & 0x3ffff) >> 4 | u64(slab >> 4) << 16 | u64(eight_lines >> 4) << 32 | swizzle << 62;
}
// Rows of A (columns of B) of 16 bytes, not swizzled: eight lie one behind another, the next eight `eight_rows` bytes
// behind, and the next 16 bytes along k of all of them `along_k` bytes behind. Rows may overlap, so that a window that
// slides over memory by 16 bytes is such a tile. Its first row is aligned to 16 bytes.
GLASS_DEVICE u64 wgmma_rows(const void* rows, int along_k, int eight_rows) {
#if defined(GLASS_HOST)
    const u64 address = host::shared_offset(rows, 16, "wgmma_rows");
#else
    const u64 address = u32(__cvta_generic_to_shared(rows));
#endif
    return (address & 0x3ffff) >> 4 | u64(along_k >> 4) << 16 | u64(eight_rows >> 4) << 32;
}
// The same tile from another byte on. The next step of k is 32 bytes further in a K-major tile, 2048 in an MN-major one.
GLASS_DEVICE u64 wgmma_step(u64 tile, int bytes) { return tile + u64(bytes >> 4); }

// All threads of a warpgroup change how many registers they may have, a multiple of 8: first those that can do with
// fewer, whose registers the others then take.
#if defined(GLASS_HOST)
template <int COUNT>
GLASS_DEVICE void registers_release() {}
template <int COUNT>
GLASS_DEVICE void registers_take() {}
#elif defined(GLASS_HAS_WGMMA)
template <int COUNT>
GLASS_DEVICE void registers_release() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT));
}
template <int COUNT>
GLASS_DEVICE void registers_take() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT));
}
#else
template <int COUNT>
GLASS_DEVICE void registers_release() {}
template <int COUNT>
GLASS_DEVICE void registers_take() {}
#endif

#if defined(GLASS_HOST)

GLASS_DEVICE void wgmma_fence() {}
GLASS_DEVICE void wgmma_commit() { host::wgmma_commit(); }
// Until at most PENDING of the newest groups are under way.
template <int PENDING>
GLASS_DEVICE void wgmma_wait() {
    host::wgmma_wait(PENDING);
}
// Before accumulators are read, after the wait for their products.
template <class Sum, int COUNT>
GLASS_DEVICE void wgmma_take(Sum (&)[COUNT]) {}

#define GLASS_WGMMA_OF(Sum, A, B, AElements, BElements)                                             \
    template <bool A_K_MAJOR = true, bool B_K_MAJOR = true, int COUNT>                              \
    GLASS_DEVICE void wgmma(Sum(&d)[COUNT], u64 a, u64 b, bool add, A, B) {                         \
        host::wgmma<host::AElements, host::BElements, A_K_MAJOR, B_K_MAJOR>(d, COUNT, a, b, add);   \
    }

#else

#if defined(GLASS_HAS_WGMMA)
// Before the first product, and when other instructions have touched the accumulators.
GLASS_DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
GLASS_DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int PENDING>
GLASS_DEVICE void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}
GLASS_DEVICE void wgmma_take(f32& value) { asm volatile("" : "+f"(value)::"memory"); }
GLASS_DEVICE void wgmma_take(i32& value) { asm volatile("" : "+r"(value)::"memory"); }
template <class Sum, int COUNT>
GLASS_DEVICE void wgmma_take(Sum (&d)[COUNT]) {
    GLASS_UNROLL
    for (int i = 0; i < COUNT; i++) wgmma_take(d[i]);  // no read moves up over the wait
}
#else
GLASS_DEVICE void wgmma_fence() { __trap(); }
GLASS_DEVICE void wgmma_commit() {}
template <int PENDING>
GLASS_DEVICE void wgmma_wait() {}
template <class Sum, int COUNT>
GLASS_DEVICE void wgmma_take(Sum (&)[COUNT]) {}
#endif

#define GLASS_D4(C, i) C(d[i]), C(d[i + 1]), C(d[i + 2]), C(d[i + 3])
#define GLASS_D8(C, i) GLASS_D4(C, i), GLASS_D4(C, i + 4)
#define GLASS_D16(C, i) GLASS_D8(C, i), GLASS_D8(C, i + 8)
#define GLASS_D32(C, i) GLASS_D16(C, i), GLASS_D16(C, i + 16)
#define GLASS_D48(C, i) GLASS_D32(C, i), GLASS_D16(C, i + 32)
#define GLASS_D64(C, i) GLASS_D32(C, i), GLASS_D32(C, i + 32)
#define GLASS_D96(C, i) GLASS_D64(C, i), GLASS_D32(C, i + 64)
#define GLASS_D128(C, i) GLASS_D64(C, i), GLASS_D64(C, i + 64)

#define GLASS_L4 "%0,%1,%2,%3"
#define GLASS_L8 GLASS_L4 ",%4,%5,%6,%7"
#define GLASS_L16 GLASS_L8 ",%8,%9,%10,%11,%12,%13,%14,%15"
#define GLASS_L32 GLASS_L16 ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define GLASS_L48 GLASS_L32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47"
#define GLASS_L64 GLASS_L48 ",%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define GLASS_L96                                                                                    \
    GLASS_L64 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84" \
              ",%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95"
#define GLASS_L128                                                                                      \
    GLASS_L96 ",%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,%112,%113" \
              ",%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

#if defined(GLASS_HAS_WGMMA)
#define GLASS_WGMMA_BODY(COUNT, COLUMNS, NEXT, CONSTRAINT, KINDS, TAIL, ...)                        \
    asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %" NEXT ", 0;\n"                             \
                 "wgmma.mma_async.sync.aligned.m64n" COLUMNS KINDS " {" GLASS_L##COUNT "}, "        \
                 TAIL ";\n}"                                                                        \
                 : GLASS_D##COUNT(CONSTRAINT, 0)                                                    \
                 : "r"(int(add)), "l"(a), "l"(b)__VA_ARGS__)
#else
#define GLASS_WGMMA_BODY(COUNT, COLUMNS, NEXT, CONSTRAINT, KINDS, TAIL, ...) __trap()
#endif

// Products of 16-bit floats, whose tiles may be MN-major.
#define GLASS_WGMMA_F(COUNT, COLUMNS, NEXT, DA, DB, TA, TB, T, KINDS)                                    \
    template <bool A_K_MAJOR = true, bool B_K_MAJOR = true>                                              \
    GLASS_DEVICE void wgmma(f32(&d)[COUNT], u64 a, u64 b, bool add, T, T) {                              \
        GLASS_WGMMA_BODY(COUNT, COLUMNS, NEXT, "+f", KINDS,                                              \
                         "%" DA ", %" DB ", add, 1, 1, %" TA ", %" TB, , "n"(!A_K_MAJOR), "n"(!B_K_MAJOR)); \
    }
#define GLASS_WGMMA_FLOATS(T, KINDS)                               \
    GLASS_WGMMA_F(4, "8", "4", "5", "6", "7", "8", T, KINDS)       \
    GLASS_WGMMA_F(8, "16", "8", "9", "10", "11", "12", T, KINDS)   \
    GLASS_WGMMA_F(16, "32", "16", "17", "18", "19", "20", T, KINDS) \
    GLASS_WGMMA_F(32, "64", "32", "33", "34", "35", "36", T, KINDS) \
    GLASS_WGMMA_F(48, "96", "48", "49", "50", "51", "52", T, KINDS) \
    GLASS_WGMMA_F(64, "128", "64", "65", "66", "67", "68", T, KINDS) \
    GLASS_WGMMA_F(96, "192", "96", "97", "98", "99", "100", T, KINDS) \
    GLASS_WGMMA_F(128, "256", "128", "129", "130", "131", "132", T, KINDS)

#endif

// d (+)= a * b: 64 rows of `a` and the columns of `b` by 32 bytes of k; without `add`, what `d` held is forgotten.
// Sums of floats in f32.
#if defined(GLASS_HOST)
GLASS_WGMMA_OF(f32, f16, f16, F16Elements, F16Elements)
GLASS_WGMMA_OF(f32, bf16, bf16, Bf16Elements, Bf16Elements)
#else
GLASS_WGMMA_FLOATS(f16, "k16.f32.f16.f16")
GLASS_WGMMA_FLOATS(bf16, "k16.f32.bf16.bf16")
#endif

}  // namespace glass
