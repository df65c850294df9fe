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
