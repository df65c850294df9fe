// Bulk tensor copies to several blocks of a cluster (PTX "cp.async.bulk.tensor", ".multicast::cluster", sm_90a).
//
// A box goes to the same place in the shared memory of all `blocks`, a bit each by rank in the cluster; its bytes count
// at the barrier that each has in the place of `barrier`.
#pragma once

#include "glass.cuh"

namespace glass {

#if defined(GLASS_HOST)

GLASS_DEVICE void tma_load_2d_to(u16 blocks, void* to, const TensorMap& map, Barrier& barrier, int c0, int c1) {
    const int coordinates[] = {c0, c1};
    host::bulk_load_to(blocks, to, map.v, &barrier.state, coordinates, 2);
}
GLASS_DEVICE void tma_load_3d_to(u16 blocks, void* to, const TensorMap& map, Barrier& barrier, int c0, int c1, int c2) {
    const int coordinates[] = {c0, c1, c2};
    host::bulk_load_to(blocks, to, map.v, &barrier.state, coordinates, 3);
}
GLASS_DEVICE void tma_load_4d_to(u16 blocks, void* to, const TensorMap& map, Barrier& barrier, int c0, int c1, int c2,
                                 int c3) {
    const int coordinates[] = {c0, c1, c2, c3};
    host::bulk_load_to(blocks, to, map.v, &barrier.state, coordinates, 4);
}

#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)

GLASS_DEVICE void tma_load_2d_to(u16 blocks, void* to, const TensorMap& map, Barrier& barrier, int c0, int c1) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], [%1, {%3, %4}], [%2], %5;"
        ::"r"(shared_address(to)), "l"(map_address(map)), "r"(shared_address(&barrier)), "r"(c0), "r"(c1), "h"(blocks)
        : "memory");
}
GLASS_DEVICE void tma_load_3d_to(u16 blocks, void* to, const TensorMap& map, Barrier& barrier, int c0, int c1, int c2) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], [%1, {%3, %4, %5}], [%2], %6;"
        ::"r"(shared_address(to)), "l"(map_address(map)), "r"(shared_address(&barrier)), "r"(c0), "r"(c1), "r"(c2),
        "h"(blocks)
        : "memory");
}
GLASS_DEVICE void tma_load_4d_to(u16 blocks, void* to, const TensorMap& map, Barrier& barrier, int c0, int c1, int c2,
                                 int c3) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], [%1, {%3, %4, %5, %6}], [%2], %7;"
        ::"r"(shared_address(to)), "l"(map_address(map)), "r"(shared_address(&barrier)), "r"(c0), "r"(c1), "r"(c2),
        "r"(c3), "h"(blocks)
        : "memory");
}

#else

GLASS_DEVICE void tma_load_2d_to(u16, void*, const TensorMap&, Barrier&, int, int) { __trap(); }
GLASS_DEVICE void tma_load_3d_to(u16, void*, const TensorMap&, Barrier&, int, int, int) { __trap(); }
GLASS_DEVICE void tma_load_4d_to(u16, void*, const TensorMap&, Barrier&, int, int, int, int) { __trap(); }

#endif

}  // namespace glass
