#include "glass.cuh"
using namespace glass;

// Each width once, every third copy invalid, two groups in flight.
GLASS_KERNEL(32, 1) async_copy(Input<f32> x, Input<f16> h, Output<f32> y, Output<f16> z) {
    GLASS_DYNAMIC_SHARED(smem);
    f32* const wide = reinterpret_cast<f32*>(smem);
    f32* const narrow = reinterpret_cast<f32*>(smem + 512);
    f16* const half = reinterpret_cast<f16*>(smem + 1024);
    const int i = thread_x();
    const bool valid = i % 3 != 2;
    cp_async<16>(wide + 4 * i, x, 4 * i, valid);
    cp_async_commit();
    cp_async<4>(narrow + i, x, valid ? 31 - i : 1000000, valid);
    cp_async<8>(half + 4 * i, h, 4 * i, valid);
    cp_async_commit();
    cp_async_wait<1>();
    for (int k = 0; k < 4; k++) store(y, i64(4 * i + k), wide[4 * i + k]);
    cp_async_wait<0>();
    sync_threads();
    store(y, i64(128 + i), narrow[31 - i]);
    for (int k = 0; k < 4; k++) store(z, i64(4 * i + k), half[4 * (31 - i) + k]);
}
