#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) cluster_ranks(Output<i32> y, Output<i32> z) {
    const i64 i = i64(block_x()) * 32 + thread_x();
    store(y, i, cluster_rank());
    threadfence();
    cluster_sync();
    // The neighbour in the cluster has written by now.
    store(z, i, y[i ^ 32] * 10 + cluster_rank());
}

// Each block sends its elements to all blocks of its cluster, which fold them in the order of the ranks.
GLASS_KERNEL(32, 1) cluster_sums(Input<i32> x, Output<i32> y) {
    GLASS_DYNAMIC_SHARED(shared);
    Barrier& barrier = *reinterpret_cast<Barrier*>(shared + 2048);
    if (thread_x() == 0) {
        barrier_init(barrier, 1);
        barrier_fence_init();
        barrier_expect(barrier, 4 * 32 * 16);
    }
    cluster_arrive();
    const i64 i = i64(block_x()) * 32 + thread_x();
    const Vec<i32, 4> own = {x[i], x[i] + 1, x[i] + 2, x[i] + 3};
    Vec<i32, 4>* const place = reinterpret_cast<Vec<i32, 4>*>(shared) + thread_x();
    cluster_wait();
    for (int rank = 0; rank < 4; rank++) {
        Vec<i32, 4>* const to = place + cluster_rank() * 32;
        if (rank % 2) {
            cluster_store(to, rank, barrier, own);
        } else {
            cluster_store(to, rank, barrier, Vec<i32, 2>{own[0], own[1]});
            cluster_store(&(*to)[2], rank, barrier, own[2]);
            cluster_store(&(*to)[3], rank, barrier, own[3]);
        }
    }
    barrier_wait(barrier, 0);
    i32 sum = 0;
    for (int rank = 0; rank < 4; rank++) {
        const Vec<i32, 4> part = place[rank * 32];
        sum = sum * 3 + part[0] + part[1] * part[2] - part[3];
    }
    store(y, i, sum + cluster_rank());
}

// Each block copies its elements, first half and second half, to all blocks of its cluster, which fold them in the order
// of the ranks.
GLASS_KERNEL(32, 1) cluster_copies(Input<i32> x, Output<i32> y) {
    GLASS_DYNAMIC_SHARED(shared);
    i32* const arrived = reinterpret_cast<i32*>(shared);
    i32* const own = arrived + 4 * 32;
    Barrier& barrier = *reinterpret_cast<Barrier*>(shared + 5 * 128);
    if (thread_x() == 0) {
        barrier_init(barrier, 1);
        barrier_fence_init();
        barrier_expect(barrier, 4 * 128);
    }
    const i64 i = i64(block_x()) * 32 + thread_x();
    own[thread_x()] = load(x, i);
    fence_proxy_async();
    cluster_sync();
    if (thread_x() < 4) {
        i32* const to = arrived + cluster_rank() * 32;
        cluster_copy(to, thread_x(), barrier, own, 64);
        cluster_copy(to + 16, thread_x(), barrier, own + 16, 64);
    }
    barrier_wait(barrier, 0);
    i32 sum = 0;
    for (int rank = 0; rank < 4; rank++) sum = sum * 3 + arrived[rank * 32 + thread_x()];
    store(y, i, sum + cluster_rank());
    cluster_sync();
}
