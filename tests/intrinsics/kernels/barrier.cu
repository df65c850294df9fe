#include "glass.cuh"
using namespace glass;

// A ring of two slots: one warp fills, the other empties.
GLASS_KERNEL(64, 1) barrier_ring(Input<i32> x, Output<i32> y, const int steps) {
    GLASS_DYNAMIC_SHARED(smem);
    i32* const slots = reinterpret_cast<i32*>(smem);
    Barrier* const full = reinterpret_cast<Barrier*>(smem + 256);
    Barrier* const empty = full + 2;
    if (thread_x() == 0) {
        for (int slot = 0; slot < 2; slot++) {
            barrier_init(full[slot], 32);
            barrier_init(empty[slot], 32);
        }
        barrier_fence_init();
    }
    sync_threads();
    for (int step = 0; step < steps; step++) {
        const int slot = step % 2;
        const u32 parity = step / 2 % 2;
        if (warp_id() == 0) {
            barrier_wait(empty[slot], parity ^ 1);
            slots[32 * slot + lane_id()] = load(x, 32 * step + lane_id());
            barrier_arrive(full[slot]);
        } else {
            barrier_wait(full[slot], parity);
            store(y, i64(32 * step + lane_id()), slots[32 * slot + 31 - lane_id()] * 3);
            barrier_arrive(empty[slot]);
        }
    }
}
