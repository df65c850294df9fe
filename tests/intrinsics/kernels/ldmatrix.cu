#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) ldmatrix_all(Input<u16> x, Output<u32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    u16* const tile = reinterpret_cast<u16*>(smem);
    for (int k = 0; k < 8; k++) tile[8 * thread_x() + k] = load(x, 8 * thread_x() + k);
    sync_threads();
    const void* const row = smem + 16 * lane_id();
    u32 r[4], s[2];
    const i64 i = thread_x();
    ldmatrix_x4(r, row);
    for (int k = 0; k < 4; k++) store(y, 12 * i + k, r[k]);
    ldmatrix_x4_trans(r, row);
    for (int k = 0; k < 4; k++) store(y, 12 * i + 4 + k, r[k]);
    ldmatrix_x2(s, smem + 16 * (lane_id() & 15));
    for (int k = 0; k < 2; k++) store(y, 12 * i + 8 + k, s[k]);
    ldmatrix_x2_trans(s, smem + 16 * (lane_id() & 15));
    for (int k = 0; k < 2; k++) store(y, 12 * i + 10 + k, s[k]);
}
