#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(64, 1) warp_exchange(Input<i32> x, Output<i32> y, Output<f64> wide) {
    const i64 i = thread_x(), n = threads_x();
    const i32 value = load(x, i);
    store(y, i, shuffle_xor(value, 5));
    store(y, n + i, shuffle_down(value, 3));
    store(y, 2 * n + i, shuffle(value, 7));
    store(y, 3 * n + i, shuffle(value, (lane_id() * 3) & 31));
    store(y, 4 * n + i, i32(warp_ballot(value % 3 == 0)));
    store(wide, i, shuffle_xor(f64(value) * 1e-3, 1));
}
