#include "wgmma_f8_mixed.cuh"
#include "wgmma_integer.cuh"
#include "wgmma_registers.cuh"
#include "wgmma_tf32.cuh"
using namespace glass;

// LINES lines of LINE bytes, laid out in shared memory as wgmma_tile wants them.
template <int LINE = 128>
GLASS_DEVICE void place_lines(unsigned char* tile, Input<u32> x, int lines) {
    for (int i = thread_x(); i < lines * (LINE / 4); i += 128) {
        const int line = i / (LINE / 4), word = i % (LINE / 4), swizzle = line * LINE / 128 % (LINE / 16);
        *reinterpret_cast<u32*>(tile + line * LINE + ((word / 4 ^ swizzle) * 16 + word % 4 * 4)) = x[i];
    }
}
// a is 64 lines, b COLUMNS lines, of 128 bytes along k, or both are 64 steps of k a slab, of 128 bytes each; c and y are 64 x COLUMNS. Each step of k is a group of its own,
// of which one is under way while the next is issued. With `add`, the sums begin with c.
template <int COLUMNS, class Number, class A, class B, bool K_MAJOR = true>
GLASS_DEVICE void product(Input<u32> a, Input<u32> b, Input<Number> c, Output<Number> y, int add) {
    GLASS_DYNAMIC_SHARED(shared);
    unsigned char* const b_tile = shared + 8192;
    place_lines(shared, a, 64);
    place_lines(b_tile, b, COLUMNS);
    constexpr int next = K_MAJOR ? 32 : 2048;
    const int row = warp_id() * 16 + lane_id() / 4, column = lane_id() % 4 * 2;
    Number d[COLUMNS / 2];
    GLASS_UNROLL
    for (int i = 0; i < COLUMNS / 2; i++) d[i] = c[(row + i / 2 % 2 * 8) * COLUMNS + column + i / 4 * 8 + i % 2];
    fence_proxy_async();
    sync_threads();
    const u64 left = wgmma_tile(shared, 8192), right = wgmma_tile(b_tile, 8192);
    wgmma_fence();
    GLASS_UNROLL
    for (int step = 0; step < 4; step++) {
        const u64 own = wgmma_step(left, step * next), other = wgmma_step(right, step * next);
        if constexpr (K_MAJOR) {
            wgmma(d, own, other, step > 0 || add != 0, A{}, B{});
        } else {
            wgmma<false, false>(d, own, other, step > 0 || add != 0, A{}, B{});
        }
        wgmma_commit();
    }
    wgmma_wait<1>();
    wgmma_wait<0>();
    wgmma_take(d);
    GLASS_UNROLL
    for (int i = 0; i < COLUMNS / 2; i++) y[(row + i / 2 % 2 * 8) * COLUMNS + column + i / 4 * 8 + i % 2] = d[i];
}
// a is 71 chunks of 16 bytes, of which row i of the matrix is the eight from chunk i on; b is eight chunks along k of 64
// columns, each of all columns side by side; y is 64 x 64. HELD: a goes through registers.
template <class Number, class T, bool HELD = false>
GLASS_DEVICE void slide(Input<u32> a, Input<u32> b, Output<Number> y) {
    GLASS_DYNAMIC_SHARED(shared);
    u32* const words = reinterpret_cast<u32*>(shared);
    u32* const columns = words + 71 * 4;
    for (int i = thread_x(); i < 71 * 4; i += 128) words[i] = a[i];
    for (int i = thread_x(); i < 8 * 64 * 4; i += 128) columns[i] = b[i];
    fence_proxy_async();
    sync_threads();
    const u64 left = wgmma_rows(words, 16, 128), right = wgmma_rows(columns, 1024, 128);
    Number d[32];
    u32 fragment[4][4];
    GLASS_UNROLL
    for (int step = 0; HELD && step < 4; step++) {
        ldmatrix_x4(fragment[step], words + (warp_id() * 16 + lane_id() % 16 + 2 * step + lane_id() / 16) * 4);
    }
    wgmma_fence();
    GLASS_UNROLL
    for (int step = 0; step < 4; step++) {
        if constexpr (HELD) wgmma(d, fragment[step], wgmma_step(right, step * 2048), step > 0, T{}, T{});
        else wgmma(d, wgmma_step(left, step * 32), wgmma_step(right, step * 2048), step > 0, T{}, T{});
    }
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_take(d);
    const int row = warp_id() * 16 + lane_id() / 4, column = lane_id() % 4 * 2;
    GLASS_UNROLL
    for (int i = 0; i < 32; i++) y[(row + i / 2 % 2 * 8) * 64 + column + i / 4 * 8 + i % 2] = d[i];
}
// a and b are 64 lines of LINE bytes along k, y is 64 x 64.
template <int LINE, class Number, class T>
GLASS_DEVICE void narrow(Input<u32> a, Input<u32> b, Output<Number> y) {
    GLASS_DYNAMIC_SHARED(shared);
    place_lines<LINE>(shared, a, 64);
    place_lines<LINE>(shared + 4096, b, 64);
    fence_proxy_async();
    sync_threads();
    const u64 left = wgmma_tile<LINE>(shared), right = wgmma_tile<LINE>(shared + 4096);
    Number d[32];
    wgmma_fence();
    GLASS_UNROLL
    for (int step = 0; step < LINE / 32; step++) {
        wgmma(d, wgmma_step(left, step * 32), wgmma_step(right, step * 32), step > 0, T{}, T{});
    }
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_take(d);
    const int row = warp_id() * 16 + lane_id() / 4, column = lane_id() % 4 * 2;
    GLASS_UNROLL
    for (int i = 0; i < 32; i++) y[(row + i / 2 % 2 * 8) * 64 + column + i / 4 * 8 + i % 2] = d[i];
}
// a is a patch of 10 x 10 lines of LINE bytes along k, b 64 lines, y nine products of 64 x 64: those of the 8 x 8 lines from
// each of the first 3 x 3 on.
template <int LINE, class Number, class T>
GLASS_DEVICE void moved(Input<u32> a, Input<u32> b, Output<Number> y) {
    GLASS_DYNAMIC_SHARED(shared);
    unsigned char* const patch = shared + 64 * LINE;
    place_lines<LINE>(shared, b, 64);
    place_lines<LINE>(patch, a, 100);
    fence_proxy_async();
    sync_threads();
    const u64 left = wgmma_tile<LINE>(patch, 16, 10 * LINE), right = wgmma_tile<LINE>(shared);
    const int row = warp_id() * 16 + lane_id() / 4, column = lane_id() % 4 * 2;
    for (int tap = 0; tap < 9; tap++) {
        Number d[32];
        wgmma_fence();
        GLASS_UNROLL
        for (int step = 0; step < LINE / 32; step++) {
            wgmma(d, wgmma_step(left, (tap / 3 * 10 + tap % 3) * LINE + step * 32), wgmma_step(right, step * 32), step > 0, T{}, T{});
        }
        wgmma_commit();
        wgmma_wait<0>();
        wgmma_take(d);
        GLASS_UNROLL
        for (int i = 0; i < 32; i++) y[tap * 4096 + (row + i / 2 % 2 * 8) * 64 + column + i / 4 * 8 + i % 2] = d[i];
    }
}
#define SUMS_IN(Number) Input<u32> a, Input<u32> b, Input<Number> c, Output<Number> y, int add
#if defined(GLASS_HOST) || defined(GLASS_HAS_WGMMA)
GLASS_KERNEL(128, 1) wgmma_f16_8(SUMS_IN(f32)) { product<8, f32, f16, f16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_f16_16(SUMS_IN(f32)) { product<16, f32, f16, f16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_f16_32(SUMS_IN(f32)) { product<32, f32, f16, f16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_f16_64(SUMS_IN(f32)) { product<64, f32, f16, f16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_f16_96(SUMS_IN(f32)) { product<96, f32, f16, f16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_f16_128(SUMS_IN(f32)) { product<128, f32, f16, f16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_f16_192(SUMS_IN(f32)) { product<192, f32, f16, f16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_f16_256(SUMS_IN(f32)) { product<256, f32, f16, f16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_slide_f16(Input<u32> a, Input<u32> b, Output<f32> y) { slide<f32, f16>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_held_f16(Input<u32> a, Input<u32> b, Output<f32> y) { slide<f32, f16, true>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_held_bf16(Input<u32> a, Input<u32> b, Output<f32> y) { slide<f32, bf16, true>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_held_s8(Input<u32> a, Input<u32> b, Output<i32> y) { slide<i32, i8, true>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_slide_s8(Input<u32> a, Input<u32> b, Output<i32> y) { slide<i32, i8>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_narrow_f16(Input<u32> a, Input<u32> b, Output<f32> y) { narrow<64, f32, f16>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_narrow_s8(Input<u32> a, Input<u32> b, Output<i32> y) { narrow<64, i32, i8>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_narrower_s8(Input<u32> a, Input<u32> b, Output<i32> y) { narrow<32, i32, i8>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_moved_f16(Input<u32> a, Input<u32> b, Output<f32> y) { moved<128, f32, f16>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_moved_s8(Input<u32> a, Input<u32> b, Output<i32> y) { moved<64, i32, i8>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_moved_u8(Input<u32> a, Input<u32> b, Output<i32> y) { moved<32, i32, u8>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_bf16_64(SUMS_IN(f32)) { product<64, f32, bf16, bf16>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_s8_s8_8(SUMS_IN(i32)) { product<8, i32, i8, i8>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_s8_s8_128(SUMS_IN(i32)) { product<128, i32, i8, i8>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_u8_s8_32(SUMS_IN(i32)) { product<32, i32, u8, i8>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_s8_u8_96(SUMS_IN(i32)) { product<96, i32, i8, u8>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_u8_u8_16(SUMS_IN(i32)) { product<16, i32, u8, u8>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_tf32_8(SUMS_IN(f32)) { product<8, f32, f32, f32>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_tf32_128(SUMS_IN(f32)) { product<128, f32, f32, f32>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_narrow_tf32(Input<u32> a, Input<u32> b, Output<f32> y) { narrow<64, f32, f32>(a, b, y); }
GLASS_KERNEL(128, 1) wgmma_e4m3_16(SUMS_IN(f32)) { product<16, f32, f8e4m3, f8e4m3>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_e4m3_128(SUMS_IN(f32)) { product<128, f32, f8e4m3, f8e4m3>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_e5m2_32(SUMS_IN(f32)) { product<32, f32, f8e5m2, f8e5m2>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_e4m3_e5m2_64(SUMS_IN(f32)) { product<64, f32, f8e4m3, f8e5m2>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_e5m2_e4m3_96(SUMS_IN(f32)) { product<96, f32, f8e5m2, f8e4m3>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_across_64(SUMS_IN(f32)) { product<64, f32, f16, f16, false>(a, b, c, y, add); }
GLASS_KERNEL(128, 1) wgmma_across_128(SUMS_IN(f32)) { product<128, f32, bf16, bf16, false>(a, b, c, y, add); }
#endif
