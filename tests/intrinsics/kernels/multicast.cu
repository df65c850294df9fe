#include "multicast.cuh"
using namespace glass;

// Each block of a cluster loads half of the rows of each tile for both, and says so at the barrier of both.
GLASS_KERNEL(64, 1) tma_load_shares(const GLASS_TENSOR_MAP map, const GLASS_TENSOR_MAP deep, const GLASS_TENSOR_MAP deeper, Output<u16> y, const int elements) {
    GLASS_DYNAMIC_SHARED(smem);
    u16* const tiles = reinterpret_cast<u16*>(smem);
    Barrier* const loaded = reinterpret_cast<Barrier*>(smem + 8192);
    Barrier* const done = loaded + 1;
    const int rank = cluster_rank(), half = elements / 2;
    if (thread_x() == 0) {
        barrier_init(*loaded, 1);
        barrier_init(*done, 2);
        barrier_fence_init();
    }
    cluster_sync();
    if (thread_x() == 0) {
        barrier_expect(*loaded, 3 * elements * int(sizeof(u16)));
        tma_load_2d_to(3, tiles + rank * half, map, *loaded, 0, rank * 8);
        tma_load_3d_to(3, tiles + elements + rank * half, deep, *loaded, 0, rank * 8, 1);
        tma_load_4d_to(3, tiles + 2 * elements + rank * half, deeper, *loaded, 0, rank * 8, 0, 1);
    }
    barrier_wait(*loaded, 0);
    for (int i = thread_x(); i < 3 * elements; i += threads_x()) store(y, i64(rank) * 3 * elements + i, tiles[i]);
    sync_threads();
    if (thread_x() < 2) barrier_arrive_at(*done, thread_x());
    barrier_wait(*done, 0);  // both blocks have arrived
}
