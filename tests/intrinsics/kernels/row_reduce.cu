#include "glass.cuh"
using namespace glass;

// 128 threads as 16 rows of 8 neighbours, as 1 row of 128, and as 32 rows whose neighbours differ.
GLASS_KERNEL(128, 1) row_reduce_all(Input<i32> x, Output<i32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    const i64 i = thread_x();
    const i32 value = load(x, i);
    store(y, i, row_reduce<Sum, 16, 8, false>(value, smem));
    store(y, 128 + i, row_reduce<Maximum, 1, 128, false>(value, smem));
    store(y, 256 + i, row_reduce<Minimum, 32, 4, true>(value, smem));
    store(y, 384 + i, i32(row_reduce<Any, 32, 4, true>(value > 90, smem)));
    store(y, 512 + i, i32(row_reduce<All, 2, 64, false>(value > -90, smem)));
}
