// Kernels that each do one thing wrong when told to; test_faults.py says what is reported.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(64, 1) read_at(Input<f32> x, Output<f32> y, const int where) {
    if (thread_x() == 5 && block_x() == 1) store(y, 0, load(x, where));
}
GLASS_KERNEL(64, 1) write_at(Output<f32> y, const int where) {
    if (thread_x() == 5 && block_x() == 1) y[where] = 1.0f;
}
GLASS_KERNEL(32, 1) read_vector_at(Input<f32> x, Output<f32> y, const int where) {
    store_vec(y, 0, load_vec<4>(x, where));
}
GLASS_KERNEL(32, 1) copy_at(Input<f32> x, Output<f32> y, const int from, const int to) {
    GLASS_DYNAMIC_SHARED(smem);
    cp_async<16>(smem + to, x, from, true);
    cp_async_commit();
    cp_async_wait<0>();
    store(y, thread_x(), f32(smem[0]));
}
GLASS_KERNEL(64, 1) some_sync(Output<f32> y, const int threads) {
    if (thread_x() < threads) sync_threads();
    store(y, thread_x(), 1.0f);
}
GLASS_KERNEL(64, 1) mixed_warp(Output<i32> y) {
    const int value = lane_id() < 16 ? shuffle_xor(1, 1) : shuffle_down(1, 1);
    store(y, thread_x(), value);
}
GLASS_KERNEL(32, 1) forgotten_copy(Input<f32> x, Output<f32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    cp_async<16>(smem + 16 * thread_x(), x, 4 * thread_x(), true);
    cp_async_commit();
    store(y, thread_x(), 0.0f);
}
GLASS_KERNEL(32, 1) early_read(Input<f32> x, Output<f32> y, const int commit) {
    GLASS_DYNAMIC_SHARED(smem);
    f32* const tile = reinterpret_cast<f32*>(smem);
    cp_async<4>(tile + thread_x(), x, thread_x(), true);
    if (commit) cp_async_commit();
    cp_async_wait<0>();
    store(y, thread_x(), tile[thread_x()]);
    cp_async_commit();
    cp_async_wait<0>();
}
GLASS_KERNEL(32, 1) uninitialised_shared(Output<f32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    store(y, thread_x(), reinterpret_cast<f32*>(smem)[thread_x()]);
}
GLASS_KERNEL(32, 1) beyond_shared(Output<f32> y, const int bytes) {
    GLASS_DYNAMIC_SHARED(smem);
    smem[bytes] = 1;
    store(y, thread_x(), 0.0f);
}
GLASS_KERNEL(32, 1) matrix_at(Output<u32> y, const int offset) {
    GLASS_DYNAMIC_SHARED(smem);
    u32 r[4];
    ldmatrix_x4(r, smem + 16 * lane_id() + offset);
    store(y, thread_x(), r[0]);
}
GLASS_KERNEL(64, 1) wait_for_nothing(Output<i32> y, const int initialised) {
    GLASS_DYNAMIC_SHARED(smem);
    Barrier& barrier = *reinterpret_cast<Barrier*>(smem);
    if (initialised && thread_x() == 0) barrier_init(barrier, 2);
    sync_threads();
    if (thread_x() == 0) barrier_arrive(barrier);
    barrier_wait(barrier, 0);
    store(y, thread_x(), 1);
}
GLASS_KERNEL(32, 1) block_order(Output<u32> y) {
    if (thread_x() == 0) store(y, 1 + i64(atomic_add_u32(y, 0, 1u)), u32(block_x()));
}

// Each block copies its own rank to both, which wait for both ranks; only with `meet` the blocks end together.
GLASS_KERNEL(32, 1) unread_copy(Output<i32> y, i32 meet) {
    GLASS_DYNAMIC_SHARED(shared);
    i32* const arrived = reinterpret_cast<i32*>(shared);
    i32* const own = arrived + 8;
    Barrier& barrier = *reinterpret_cast<Barrier*>(shared + 128);
    if (thread_x() == 0) {
        barrier_init(barrier, 1);
        barrier_fence_init();
        barrier_expect(barrier, 32);
    }
    if (thread_x() < 4) own[thread_x()] = cluster_rank();
    fence_proxy_async();
    cluster_sync();
    if (thread_x() < 2) cluster_copy(arrived + cluster_rank() * 4, thread_x(), barrier, own, 16);
    barrier_wait(barrier, 0);
    if (thread_x() == 0) store(y, block_x(), arrived[0] * 10 + arrived[4]);
    if (meet) cluster_sync();
}
