#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(64, 1) sync_warp_rotate(Output<i32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    i32* const slot = reinterpret_cast<i32*>(smem) + 32 * warp_id();
    slot[lane_id()] = thread_x();
    sync_warp();
    const i32 next = slot[(lane_id() + 1) & 31];
    sync_warp();
    slot[lane_id()] = next * 2;
    sync_warp();
    store(y, thread_x(), slot[(lane_id() + 31) & 31]);
}
