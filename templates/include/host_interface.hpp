// What the host bodies of the intrinsics need from the fiber runtime. Includes nothing, so that a
// kernel compiles in milliseconds; the runtime behind it is compiled once (host_runtime.hpp).
#pragma once

#include "types.cuh"

namespace glass::host {

// One block while it runs: what blockIdx, gridDim and blockDim say, and its shared memory.
struct BlockView {
    int index[3];
    int grid[3];
    int size[3];
    int cluster_rank;
    unsigned char* shared;
    u64 shared_bytes;
};

// One thread while it runs.
struct ThreadView {
    int index[3];
    int lane;
    int warp;
    const BlockView* block;
};

// Nearest tf32, ties to even; NaN becomes the one that bulk copies make of it.
inline u32 nearest_tf32(u32 bits) {
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffe000u;
    return (bits + 0xfffu + (bits >> 13 & 1u)) & 0xffffe000u;
}

// The running thread. Constant within one kernel activation, so calls to it may be merged.
__attribute__((const)) const ThreadView& self();

// ---- Faults: each ends the launch with a text that names kernel, block and thread. --------------

[[noreturn]] void fail(const char* what);
[[noreturn]] void fail_access(int buffer, i64 element, i64 elements, i64 count, const char* access);
[[noreturn]] void fail_alignment(int buffer, i64 element, int bytes);

// Checks that [address, address + bytes) lies in the block's dynamic shared memory, aligned to `alignment`.
void check_shared(const void* address, u64 bytes, u64 alignment, const char* what);

// ---- Meeting points. ----------------------------------------------------------------------------

void sync_block();
void sync_named(int id, int threads);
void sync_cluster();

// A cooperative grid is one cluster, whose blocks wait at counters in global memory.
void grid_arrive(u32* counter);
void grid_wait(u32* counter, u32 count);

// The place in the shared memory of block `rank` of this cluster that `own` is in that of this block.
void* cluster_shared(const void* own, int rank);

// ---- Launches that overlap. ---------------------------------------------------------------------

// The launch behind this one may start. On the host it does not, but it may count on this one's end: a kernel that says so, and
// of which no thread waits for the launches before, is a fault.
void next_may_start();
void wait_for_earlier();

// All lanes of the warp meet; the last to arrive runs `apply` over every lane's `operands`, in lane
// order. A lane that arrives at another operation (told by `name`) is a fault.
using Apply = void (*)(void* const* operands, int lanes);
void collective(const char* name, void* operands, Apply apply);

// ---- Products of a warpgroup (wgmma): carried out at the wait, warp by warp. ---------------------

// `sums` are the thread's `count` accumulators; `a` and `b` describe tiles, as wgmma_tile does. Where the first operand is
// in registers, `fragment` has them.
struct WarpgroupProduct {
    void* sums;
    int count;
    u64 a, b;
    bool add;
    Apply multiply;
    u32 fragment[4] = {};
};
// The offset in the block's dynamic shared memory, which is checked to be aligned to `alignment`.
u64 shared_offset(const void* address, u64 alignment, const char* what);
void wgmma_issue(const WarpgroupProduct& product);
void wgmma_commit();
void wgmma_wait(int pending);

// ---- Asynchronous copies of one thread (cp.async): they land at the wait, not before. -----------

void copy_async(void* to, const void* from, int bytes);  // from == nullptr: zeros
void copy_async_commit();
void copy_async_wait(int pending);

// ---- Barriers and bulk copies (mbarrier, TMA). --------------------------------------------------

void barrier_init(u64* barrier, int count);
void barrier_arrive(u64* barrier, i64 expected_bytes);
// At the place of `barrier` in block `rank` of the cluster.
void barrier_arrive_at(u64* barrier, int rank);
void barrier_wait(u64* barrier, u32 parity);
// Stores `bytes` at the place of `own`, and counts them at that of `barrier`, in block `rank` of the cluster.
void cluster_store(void* own, int rank, u64* barrier, const void* value, int bytes);
// The same for any number of 16 bytes, from shared memory of this block.
void cluster_copy(void* own, int rank, u64* barrier, const void* from, int bytes);

constexpr int max_rank = 5;
void bulk_load(void* to, const u64* map, u64* barrier, const int* coordinates, int rank);
// The same to every block whose rank is a bit of `blocks`.
void bulk_load_to(u16 blocks, void* to, const u64* map, u64* barrier, const int* coordinates, int rank);
// `offsets`, of the spatial dimensions, are added to every pixel.
void bulk_load_im2col(void* to, const u64* map, u64* barrier, const int* coordinates, const int* offsets, int rank);
void bulk_store(const u64* map, const void* from, const int* coordinates, int rank);
void bulk_store_commit();
void bulk_store_wait(int pending);

// ---- From `void**`-like arguments to a kernel's parameters. -------------------------------------

struct Argument {
    void* data;  // a buffer's address, or where the scalar or tensor map is kept
    u64 bytes;
};

struct Entry {
    const char* name;
    void (*call)(const Argument* arguments);
    const u64* sizes;  // per parameter: 0 for a buffer, else the exact number of bytes
    u64 count;
};

}  // namespace glass::host
