// wgmma of what stays in registers between two products, as attention's weights do: sums as fragments of 8 columns, whose
// pairs, rounded, are fragments of the next product's first operand. That product's second operand is MN-major; 16-bit
// floats, sums in f32. The rest is as in wgmma.cuh.
//
// A header of its own, because the compiler's front end takes 10 ms over the many operands of these functions.
#pragma once

#include "wgmma.cuh"

namespace glass {

#if defined(GLASS_HOST)

#define GLASS_WGMMA_ACROSS_OF(T, Elements)                                                             \
    template <int COUNT>                                                                               \
    GLASS_DEVICE void wgmma_across(f32(&d)[COUNT], const u32 (&a)[4], u64 b, bool add, T) {            \
        host::wgmma_of_registers<host::Elements, host::Elements, false>(d, COUNT, a, b, add);          \
    }
GLASS_WGMMA_ACROSS_OF(f16, F16Elements)
GLASS_WGMMA_ACROSS_OF(bf16, Bf16Elements)

#else

#define GLASS_D24(C, i) GLASS_D16(C, i), GLASS_D8(C, i + 16)
#define GLASS_D40(C, i) GLASS_D32(C, i), GLASS_D8(C, i + 32)
#define GLASS_D56(C, i) GLASS_D48(C, i), GLASS_D8(C, i + 48)
#define GLASS_D80(C, i) GLASS_D64(C, i), GLASS_D16(C, i + 64)
#define GLASS_D88(C, i) GLASS_D64(C, i), GLASS_D16(C, i + 64), GLASS_D8(C, i + 80)
#define GLASS_D104(C, i) GLASS_D96(C, i), GLASS_D8(C, i + 96)
#define GLASS_D112(C, i) GLASS_D96(C, i), GLASS_D16(C, i + 96)
#define GLASS_L24 GLASS_L16 ",%16,%17,%18,%19,%20,%21,%22,%23"
#define GLASS_L40 GLASS_L32 ",%32,%33,%34,%35,%36,%37,%38,%39"
#define GLASS_L56 GLASS_L48 ",%48,%49,%50,%51,%52,%53,%54,%55"
#define GLASS_L80 GLASS_L64 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"
#define GLASS_L88 GLASS_L80 ",%80,%81,%82,%83,%84,%85,%86,%87"
#define GLASS_L104 GLASS_L96 ",%96,%97,%98,%99,%100,%101,%102,%103"
#define GLASS_L112 GLASS_L104 ",%104,%105,%106,%107,%108,%109,%110,%111"

// Further numbers of columns.
#define GLASS_WGMMA_WIDER(T, KINDS)                                       \
    GLASS_WGMMA_F(40, "80", "40", "41", "42", "43", "44", T, KINDS)       \
    GLASS_WGMMA_F(56, "112", "56", "57", "58", "59", "60", T, KINDS)      \
    GLASS_WGMMA_F(80, "160", "80", "81", "82", "83", "84", T, KINDS)      \
    GLASS_WGMMA_F(88, "176", "88", "89", "90", "91", "92", T, KINDS)      \
    GLASS_WGMMA_F(104, "208", "104", "105", "106", "107", "108", T, KINDS)
GLASS_WGMMA_WIDER(f16, "k16.f32.f16.f16")
GLASS_WGMMA_WIDER(bf16, "k16.f32.bf16.bf16")

#if defined(GLASS_HAS_WGMMA)
#define GLASS_WGMMA_ACROSS_BODY(COUNT, COLUMNS, NEXT, KINDS, TAIL)                                  \
    asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %" NEXT ", 0;\n"                             \
                 "wgmma.mma_async.sync.aligned.m64n" COLUMNS KINDS " {" GLASS_L##COUNT "}, "        \
                 TAIL ", add, 1, 1, 1;\n}"                                                          \
                 : GLASS_D##COUNT("+f", 0)                                                          \
                 : "r"(int(add)), "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#else
#define GLASS_WGMMA_ACROSS_BODY(COUNT, COLUMNS, NEXT, KINDS, TAIL) __trap()
#endif

#define GLASS_WGMMA_ACROSS(COUNT, COLUMNS, NEXT, A0, A1, A2, A3, DB, T, KINDS)                              \
    GLASS_DEVICE void wgmma_across(f32(&d)[COUNT], const u32 (&a)[4], u64 b, bool add, T) {                 \
        GLASS_WGMMA_ACROSS_BODY(COUNT, COLUMNS, NEXT, KINDS, "{%" A0 ", %" A1 ", %" A2 ", %" A3 "}, %" DB); \
    }
#define GLASS_WGMMA_ACROSS_ALL(T, KINDS)                                                  \
    GLASS_WGMMA_ACROSS(16, "32", "16", "17", "18", "19", "20", "21", T, KINDS)            \
    GLASS_WGMMA_ACROSS(24, "48", "24", "25", "26", "27", "28", "29", T, KINDS)            \
    GLASS_WGMMA_ACROSS(32, "64", "32", "33", "34", "35", "36", "37", T, KINDS)            \
    GLASS_WGMMA_ACROSS(40, "80", "40", "41", "42", "43", "44", "45", T, KINDS)            \
    GLASS_WGMMA_ACROSS(48, "96", "48", "49", "50", "51", "52", "53", T, KINDS)            \
    GLASS_WGMMA_ACROSS(56, "112", "56", "57", "58", "59", "60", "61", T, KINDS)           \
    GLASS_WGMMA_ACROSS(64, "128", "64", "65", "66", "67", "68", "69", T, KINDS)           \
    GLASS_WGMMA_ACROSS(80, "160", "80", "81", "82", "83", "84", "85", T, KINDS)           \
    GLASS_WGMMA_ACROSS(96, "192", "96", "97", "98", "99", "100", "101", T, KINDS)         \
    GLASS_WGMMA_ACROSS(112, "224", "112", "113", "114", "115", "116", "117", T, KINDS)    \
    GLASS_WGMMA_ACROSS(128, "256", "128", "129", "130", "131", "132", "133", T, KINDS)
GLASS_WGMMA_ACROSS_ALL(f16, "k16.f32.f16.f16")
GLASS_WGMMA_ACROSS_ALL(bf16, "k16.f32.bf16.bf16")

#endif

// Both products with the sums as fragments: d[j][i] is accumulator 4j + i.
template <int FRAGMENTS, class T>
GLASS_DEVICE void wgmma(f32 (&d)[FRAGMENTS][4], u64 a, u64 b, bool add, T, T) {
    wgmma(reinterpret_cast<f32(&)[FRAGMENTS * 4]>(d), a, b, add, T{}, T{});
}
template <int FRAGMENTS, class T>
GLASS_DEVICE void wgmma_across(f32 (&d)[FRAGMENTS][4], const u32 (&a)[4], u64 b, bool add, T) {
    wgmma_across(reinterpret_cast<f32(&)[FRAGMENTS * 4]>(d), a, b, add, T{});
}

// The four words of each of the four threads that share a row, transposed: word i of thread t was word t of thread i.
GLASS_DEVICE void quad_transpose(Vec<u32, 4>& words) {
    const bool odd = lane_id() & 1, high = lane_id() & 2;
    GLASS_UNROLL
    for (int i = 0; i < 4; i += 2) {
        const u32 got = shuffle_xor(odd ? words[i] : words[i + 1], 1);
        words[i] = odd ? got : words[i];
        words[i + 1] = odd ? words[i + 1] : got;
    }
    GLASS_UNROLL
    for (int i = 0; i < 2; i++) {
        const u32 got = shuffle_xor(high ? words[i] : words[i + 2], 2);
        words[i] = high ? got : words[i];
        words[i + 2] = high ? words[i + 2] : got;
    }
}

}  // namespace glass
