#include "wgmma_fragments.cuh"
using namespace glass;

// LINES lines of 128 bytes, laid out in shared memory as wgmma_tile wants them.
GLASS_DEVICE void place_lines(unsigned char* tile, Input<u32> x, int lines) {
    for (int i = thread_x(); i < lines * 32; i += 128) {
        const int line = i / 32, word = i % 32;
        *reinterpret_cast<u32*>(tile + line * 128 + ((word / 4 ^ line % 8) * 16 + word % 4 * 4)) = x[i];
    }
}
// The sums of a thread as they lie in the 64 x COLUMNS of y.
template <int COLUMNS>
GLASS_DEVICE void keep(f32 (&d)[COLUMNS / 8][4], Output<f32> y) {
    const int row = warp_id() * 16 + lane_id() / 4, column = lane_id() % 4 * 2;
    GLASS_UNROLL
    for (int i = 0; i < COLUMNS / 2; i++) y[(row + i / 2 % 2 * 8) * COLUMNS + column + i / 4 * 8 + i % 2] = d[i / 4][i % 4];
}
// a is 64 rows of 64 numbers, b 64 steps of k, of 128 bytes a slab of 64 columns; a goes through registers.
template <int COLUMNS, class T>
GLASS_DEVICE void across(Input<u32> a, Input<u32> b, Output<f32> y) {
    GLASS_DYNAMIC_SHARED(shared);
    place_lines(shared, b, (COLUMNS + 63) / 64 * 64);
    u32 fragment[4][4];
    GLASS_UNROLL
    for (int i = 0; i < 16; i++) {
        const int row = warp_id() * 16 + lane_id() / 4 + i % 2 * 8;
        fragment[i / 4][i % 4] = a[row * 32 + i / 4 * 8 + i % 4 / 2 * 4 + lane_id() % 4];
    }
    fence_proxy_async();
    sync_threads();
    const u64 right = wgmma_tile(shared, 8192);
    f32 d[COLUMNS / 8][4];
    wgmma_fence();
    GLASS_UNROLL
    for (int step = 0; step < 4; step++) wgmma_across(d, fragment[step], wgmma_step(right, step * 2048), step > 0, T{});
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_take(d);
    keep<COLUMNS>(d, y);
}
// a is 64 lines, b COLUMNS lines, of 128 bytes along k.
template <int COLUMNS, class T>
GLASS_DEVICE void wide(Input<u32> a, Input<u32> b, Output<f32> y) {
    GLASS_DYNAMIC_SHARED(shared);
    place_lines(shared, a, 64);
    place_lines(shared + 8192, b, COLUMNS);
    fence_proxy_async();
    sync_threads();
    const u64 left = wgmma_tile(shared), right = wgmma_tile(shared + 8192);
    f32 d[COLUMNS / 8][4];
    wgmma_fence();
    GLASS_UNROLL
    for (int step = 0; step < 4; step++) wgmma(d, wgmma_step(left, step * 32), wgmma_step(right, step * 32), step > 0, T{}, T{});
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_take(d);
    keep<COLUMNS>(d, y);
}
#define FLOATS_IN Input<u32> a, Input<u32> b, Output<f32> y
#if defined(GLASS_HOST) || defined(GLASS_HAS_WGMMA)
GLASS_KERNEL(128, 1) across_f16_32(FLOATS_IN) { across<32, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_96(FLOATS_IN) { across<96, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_128(FLOATS_IN) { across<128, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_48(FLOATS_IN) { across<48, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_80(FLOATS_IN) { across<80, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_112(FLOATS_IN) { across<112, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_160(FLOATS_IN) { across<160, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_192(FLOATS_IN) { across<192, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_224(FLOATS_IN) { across<224, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_f16_256(FLOATS_IN) { across<256, f16>(a, b, y); }
GLASS_KERNEL(128, 1) across_bf16_64(FLOATS_IN) { across<64, bf16>(a, b, y); }
GLASS_KERNEL(128, 1) wide_f16_80(FLOATS_IN) { wide<80, f16>(a, b, y); }
GLASS_KERNEL(128, 1) wide_f16_112(FLOATS_IN) { wide<112, f16>(a, b, y); }
GLASS_KERNEL(128, 1) wide_f16_160(FLOATS_IN) { wide<160, f16>(a, b, y); }
GLASS_KERNEL(128, 1) wide_bf16_176(FLOATS_IN) { wide<176, bf16>(a, b, y); }
GLASS_KERNEL(128, 1) wide_f16_208(FLOATS_IN) { wide<208, f16>(a, b, y); }
#endif
GLASS_KERNEL(32, 1) quad_transposed(Input<u32> x, Output<u32> y) {
    Vec<u32, 4> words;
    for (int i = 0; i < 4; i++) words[i] = x[thread_x() * 4 + i];
    quad_transpose(words);
    for (int i = 0; i < 4; i++) y[thread_x() * 4 + i] = words[i];
}
