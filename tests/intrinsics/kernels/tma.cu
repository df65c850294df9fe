#include "glass.cuh"
using namespace glass;

GLASS_DEVICE void load_begin(unsigned char* smem, int offset, int bytes) {
    Barrier& barrier = *reinterpret_cast<Barrier*>(smem + offset);
    barrier_init(barrier, 1);
    barrier_fence_init();
    barrier_expect(barrier, bytes);
}
// Copies a box, swizzled or not, to the output as it lies in shared memory.
GLASS_DEVICE void load_end(unsigned char* smem, int offset, Output<u8> y, int bytes) {
    sync_threads();
    barrier_wait(*reinterpret_cast<Barrier*>(smem + offset), 0);
    for (int i = thread_x(); i < bytes; i += threads_x()) store(y, i64(i), smem[i]);
}
GLASS_KERNEL(64, 1) tma_load_2(const GLASS_TENSOR_MAP map, Output<u8> y, const int c0, const int c1, const int bytes) {
    GLASS_DYNAMIC_SHARED(smem);
    if (thread_x() == 0) {
        tma_prefetch(map);
        load_begin(smem, 8192, bytes);
        tma_load_2d(smem, map, *reinterpret_cast<Barrier*>(smem + 8192), c0, c1);
    }
    load_end(smem, 8192, y, bytes);
}
GLASS_KERNEL(64, 1) tma_load_3(const GLASS_TENSOR_MAP map, Output<u8> y, const int bytes) {
    GLASS_DYNAMIC_SHARED(smem);
    if (thread_x() == 0) {
        load_begin(smem, 8192, bytes);
        tma_load_3d(smem, map, *reinterpret_cast<Barrier*>(smem + 8192), 8, -1, 1);
    }
    load_end(smem, 8192, y, bytes);
}
GLASS_KERNEL(64, 1) tma_load_4(const GLASS_TENSOR_MAP map, Output<u8> y, const int bytes) {
    GLASS_DYNAMIC_SHARED(smem);
    if (thread_x() == 0) {
        load_begin(smem, 8192, bytes);
        tma_load_4d(smem, map, *reinterpret_cast<Barrier*>(smem + 8192), 0, 1, -1, 1);
    }
    load_end(smem, 8192, y, bytes);
}
// Stores a tile twice, with other elements: the second may be written as soon as the first has been read.
GLASS_KERNEL(64, 1) tma_store_twice(const GLASS_TENSOR_MAP map, Output<u16> unused, const int elements) {
    GLASS_DYNAMIC_SHARED(smem);
    u16* const tile = reinterpret_cast<u16*>(smem);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = thread_x(); i < elements; i += threads_x()) tile[i] = u16(1000 * (turn + 1) + i);
        fence_proxy_async();
        sync_threads();
        if (thread_x() == 0) {
            tma_store_2d(map, smem, 0, turn * 8);
            tma_store_commit();
            tma_store_wait_read<0>();
        }
        sync_threads();
    }
    if (thread_x() == 0) tma_store_wait<0>();
}
GLASS_KERNEL(64, 1) tma_store_4(const GLASS_TENSOR_MAP map, Output<u8> unused, const int elements) {
    GLASS_DYNAMIC_SHARED(smem);
    for (int i = thread_x(); i < elements; i += threads_x()) smem[i] = u8(100 + i);
    fence_proxy_async();
    sync_threads();
    if (thread_x() != 0) return;
    tma_store_4d(map, smem, 16, 2, 2, 1);
    tma_store_commit();
    tma_store_wait<0>();
}
GLASS_KERNEL(64, 1) tma_store_2(const GLASS_TENSOR_MAP map, Output<u16> unused, const int c0, const int c1, const int elements) {
    GLASS_DYNAMIC_SHARED(smem);
    u16* const tile = reinterpret_cast<u16*>(smem);
    for (int i = thread_x(); i < elements; i += threads_x()) tile[i] = u16(1000 + i);
    fence_proxy_async();
    sync_threads();
    if (thread_x() != 0) return;
    tma_store_2d(map, smem, c0, c1);
    tma_store_commit();
    tma_store_wait<0>();
}
