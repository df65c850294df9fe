// How a kernel is declared, what it knows of its place in the grid, its buffers and its barriers.
#pragma once

#include "types.cuh"

#if defined(GLASS_HOST)

#include "host_interface.hpp"

#define GLASS_KERNEL(threads, blocks) extern "C" void
#define GLASS_DYNAMIC_SHARED(name) unsigned char* const name = ::glass::host::self().block->shared
#define GLASS_UNROLL

namespace glass {

// A buffer argument: every access is checked, and errors name it by its position in the argument list.
template <class T>
struct Input {
    const T* data;
    i64 count;
    int index;
    GLASS_DEVICE const T& operator[](i64 i) const { return *at(i, 1, "read"); }
    // The address of `elements` elements from i on, after the check that they lie inside.
    GLASS_DEVICE const T* at(i64 i, i64 elements, const char* access) const {
        const bool inside = u64(i) < u64(count) && count - i >= elements;
        if (__builtin_expect(!inside, 0)) host::fail_access(index, i, elements, count, access);
        return data + i;
    }
};

template <class T>
struct Output : Input<T> {
    GLASS_DEVICE T& operator[](i64 i) const { return *at(i, 1, "write"); }
    GLASS_DEVICE T* at(i64 i, i64 elements, const char* access) const {
        return const_cast<T*>(Input<T>::at(i, elements, access));
    }
};

GLASS_DEVICE int thread_x() { return host::self().index[0]; }
GLASS_DEVICE int thread_y() { return host::self().index[1]; }
GLASS_DEVICE int thread_z() { return host::self().index[2]; }
GLASS_DEVICE int block_x() { return host::self().block->index[0]; }
GLASS_DEVICE int block_y() { return host::self().block->index[1]; }
GLASS_DEVICE int block_z() { return host::self().block->index[2]; }
GLASS_DEVICE int grid_x() { return host::self().block->grid[0]; }
GLASS_DEVICE int grid_y() { return host::self().block->grid[1]; }
GLASS_DEVICE int grid_z() { return host::self().block->grid[2]; }
GLASS_DEVICE int threads_x() { return host::self().block->size[0]; }
GLASS_DEVICE int lane_id() { return host::self().lane; }
GLASS_DEVICE int warp_id() { return host::self().warp; }
GLASS_DEVICE void sync_threads() { host::sync_block(); }
GLASS_DEVICE void named_barrier_sync(int id, int threads) { host::sync_named(id, threads); }

}  // namespace glass

#else

#define GLASS_KERNEL(threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks)
#define GLASS_DYNAMIC_SHARED(name)                                          \
    extern __shared__ __align__(1024) unsigned char glass_dynamic_shared[]; \
    unsigned char* const name = glass_dynamic_shared
#define GLASS_UNROLL _Pragma("unroll")

namespace glass {

// No __restrict__ here: with it the compiler takes the loads for invariant (ld.global.nc) and moves them
// up across pdl_wait, where an earlier kernel may still be writing.
template <class T>
using Input = const T*;
template <class T>
using Output = T* __restrict__;

GLASS_DEVICE int thread_x() { return threadIdx.x; }
GLASS_DEVICE int thread_y() { return threadIdx.y; }
GLASS_DEVICE int thread_z() { return threadIdx.z; }
GLASS_DEVICE int block_x() { return blockIdx.x; }
GLASS_DEVICE int block_y() { return blockIdx.y; }
GLASS_DEVICE int block_z() { return blockIdx.z; }
GLASS_DEVICE int grid_x() { return gridDim.x; }
GLASS_DEVICE int grid_y() { return gridDim.y; }
GLASS_DEVICE int grid_z() { return gridDim.z; }
GLASS_DEVICE int threads_x() { return blockDim.x; }
// Blocks are one-dimensional wherever warps matter, so the x index alone gives lane and warp.
GLASS_DEVICE int lane_id() { return threadIdx.x & 31; }
GLASS_DEVICE int warp_id() { return threadIdx.x >> 5; }
GLASS_DEVICE void sync_threads() { __syncthreads(); }
GLASS_DEVICE void named_barrier_sync(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

}  // namespace glass

#endif
