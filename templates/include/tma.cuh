// Bulk tensor copies (PTX "cp.async.bulk.tensor", sm_90). One thread issues each copy.
//
// Coordinates count elements, innermost first; elements outside the tensor read as zeros and are not
// written, but a load always counts the whole box's bytes on its barrier.
#pragma once

#include "barrier.cuh"

// Kernels declare the parameter as `const GLASS_TENSOR_MAP map`.
#if defined(GLASS_HOST)
#define GLASS_TENSOR_MAP ::glass::TensorMap
#else
#define GLASS_TENSOR_MAP __grid_constant__ ::glass::TensorMap
#endif

namespace glass {

struct alignas(64) TensorMap {
    u64 v[16];
};

#if defined(GLASS_HOST)

GLASS_DEVICE void tma_load_2d(void* to, const TensorMap& map, Barrier& barrier, int c0, int c1) {
    const int coordinates[] = {c0, c1};
    host::bulk_load(to, map.v, &barrier.state, coordinates, 2);
}
GLASS_DEVICE void tma_load_3d(void* to, const TensorMap& map, Barrier& barrier, int c0, int c1, int c2) {
    const int coordinates[] = {c0, c1, c2};
    host::bulk_load(to, map.v, &barrier.state, coordinates, 3);
}
GLASS_DEVICE void tma_load_4d(void* to, const TensorMap& map, Barrier& barrier, int c0, int c1, int c2, int c3) {
    const int coordinates[] = {c0, c1, c2, c3};
    host::bulk_load(to, map.v, &barrier.state, coordinates, 4);
}
GLASS_DEVICE void tma_load_im2col(void* to, const TensorMap& map, Barrier& barrier, int c, int x, int y, int image,
                                  int tap_x, int tap_y) {
    const int coordinates[] = {c, x, y, image}, offsets[] = {tap_x, tap_y};
    host::bulk_load_im2col(to, map.v, &barrier.state, coordinates, offsets, 4);
}
GLASS_DEVICE void tma_store_2d(const TensorMap& map, const void* from, int c0, int c1) {
    const int coordinates[] = {c0, c1};
    host::bulk_store(map.v, from, coordinates, 2);
}
GLASS_DEVICE void tma_store_4d(const TensorMap& map, const void* from, int c0, int c1, int c2, int c3) {
    const int coordinates[] = {c0, c1, c2, c3};
    host::bulk_store(map.v, from, coordinates, 4);
}
GLASS_DEVICE void tma_prefetch(const TensorMap&) {}
GLASS_DEVICE void fence_proxy_async() {}
GLASS_DEVICE void tma_store_commit() { host::bulk_store_commit(); }
template <int PENDING>
GLASS_DEVICE void tma_store_wait() {
    host::bulk_store_wait(PENDING);
}
template <int PENDING>
GLASS_DEVICE void tma_store_wait_read() {
    host::bulk_store_wait(PENDING);
}

#elif defined(GLASS_HAS_SM90)

GLASS_DEVICE u64 map_address(const TensorMap& map) { return reinterpret_cast<u64>(&map); }

GLASS_DEVICE void tma_load_2d(void* to, const TensorMap& map, Barrier& barrier, int c0, int c1) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];"
        ::"r"(shared_address(to)), "l"(map_address(map)), "r"(shared_address(&barrier)), "r"(c0), "r"(c1)
        : "memory");
}
GLASS_DEVICE void tma_load_3d(void* to, const TensorMap& map, Barrier& barrier, int c0, int c1, int c2) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%3, %4, %5}], [%2];"
        ::"r"(shared_address(to)), "l"(map_address(map)), "r"(shared_address(&barrier)), "r"(c0), "r"(c1), "r"(c2)
        : "memory");
}
GLASS_DEVICE void tma_load_4d(void* to, const TensorMap& map, Barrier& barrier, int c0, int c1, int c2, int c3) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%3, %4, %5, %6}], [%2];"
        ::"r"(shared_address(to)), "l"(map_address(map)), "r"(shared_address(&barrier)), "r"(c0), "r"(c1), "r"(c2),
        "r"(c3)
        : "memory");
}
// Channels of pixels from (x, y) of an image on, each of which is moved by a tap's place in the window.
GLASS_DEVICE void tma_load_im2col(void* to, const TensorMap& map, Barrier& barrier, int c, int x, int y, int image,
                                  int tap_x, int tap_y) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%3, %4, %5, %6}], [%2], {%7, %8};"
        ::"r"(shared_address(to)), "l"(map_address(map)), "r"(shared_address(&barrier)), "r"(c), "r"(x), "r"(y),
        "r"(image), "h"(u16(tap_x)), "h"(u16(tap_y))
        : "memory");
}
GLASS_DEVICE void tma_store_2d(const TensorMap& map, const void* from, int c0, int c1) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];"
                 ::"l"(map_address(map)), "r"(shared_address(from)), "r"(c0), "r"(c1)
                 : "memory");
}
GLASS_DEVICE void tma_store_4d(const TensorMap& map, const void* from, int c0, int c1, int c2, int c3) {
    asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], [%1];"
                 ::"l"(map_address(map)), "r"(shared_address(from)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
                 : "memory");
}
GLASS_DEVICE void tma_prefetch(const TensorMap& map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(map_address(map)) : "memory");
}
// Makes this thread's ordinary writes to shared memory visible to bulk copies; then a barrier.
GLASS_DEVICE void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
GLASS_DEVICE void tma_store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
// Until at most PENDING of the newest groups are under way: read and written.
template <int PENDING>
GLASS_DEVICE void tma_store_wait() {
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(PENDING) : "memory");
}
// Until at most PENDING of the newest groups have not been read: what they were read from may be overwritten.
template <int PENDING>
GLASS_DEVICE void tma_store_wait_read() {
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(PENDING) : "memory");
}

#else

GLASS_DEVICE void tma_load_2d(void*, const TensorMap&, Barrier&, int, int) { needs_sm90(); }
GLASS_DEVICE void tma_load_3d(void*, const TensorMap&, Barrier&, int, int, int) { needs_sm90(); }
GLASS_DEVICE void tma_load_4d(void*, const TensorMap&, Barrier&, int, int, int, int) { needs_sm90(); }
GLASS_DEVICE void tma_load_im2col(void*, const TensorMap&, Barrier&, int, int, int, int, int, int) { needs_sm90(); }
GLASS_DEVICE void tma_store_2d(const TensorMap&, const void*, int, int) { needs_sm90(); }
GLASS_DEVICE void tma_store_4d(const TensorMap&, const void*, int, int, int, int) { needs_sm90(); }
GLASS_DEVICE void tma_prefetch(const TensorMap&) {}
GLASS_DEVICE void fence_proxy_async() {}
GLASS_DEVICE void tma_store_commit() { needs_sm90(); }
template <int PENDING>
GLASS_DEVICE void tma_store_wait() {
    needs_sm90();
}
template <int PENDING>
GLASS_DEVICE void tma_store_wait_read() {
    needs_sm90();
}

#endif

}  // namespace glass
