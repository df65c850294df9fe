// The functions of host_interface.hpp that concern one thread, its warp and its block.
#pragma once

#include "host_worker.hpp"

namespace glass::host {

const ThreadView& self() { return *current_lane; }

void fail(const char* what) { current_worker->fail_at(current_lane, "%s", what); }

void fail_access(int buffer, i64 element, i64 elements, i64 count, const char* access) {
    if (elements == 1) {
        current_worker->fail_at(current_lane, "%s out of bounds: buffer %d at element %lld of %lld", access, buffer,
                                element, count);
    }
    current_worker->fail_at(current_lane, "%s out of bounds: buffer %d at elements %lld to %lld of %lld", access, buffer,
                            element, element + elements - 1, count);
}

void fail_alignment(int buffer, i64 element, int bytes) {
    current_worker->fail_at(current_lane, "misaligned access: buffer %d at element %lld is not aligned to %d bytes",
                            buffer, element, bytes);
}

void check_shared(const void* address, u64 bytes, u64 alignment, const char* what) {
    const BlockView& block = *current_lane->block;
    const i64 offset = static_cast<const unsigned char*>(address) - block.shared;
    if (offset < 0 || u64(offset) + bytes > block.shared_bytes) {
        current_worker->fail_at(current_lane, "%s out of bounds: %llu bytes at byte %lld of %llu of shared memory", what,
                                bytes, offset, block.shared_bytes);
    }
    if (u64(offset) % alignment != 0) {
        current_worker->fail_at(current_lane, "%s misaligned: byte %lld of shared memory is not aligned to %llu bytes",
                                what, offset, alignment);
    }
}

void sync_block() {
    current_worker->meet(current_lane->block_state->meetings[0], current_worker->threads(), "sync_threads");
}

void sync_named(int id, int threads) {
    if (id < 0 || id > 15) fail("named_barrier_sync takes an id of 0 to 15");
    if (threads <= 0 || threads % 32 != 0 || threads > current_worker->threads()) {
        fail("named_barrier_sync takes a number of threads that is a multiple of 32 and fits the block");
    }
    current_worker->meet(current_lane->block_state->meetings[id], threads, "named_barrier_sync");
}

void sync_cluster() { current_worker->meet_cluster(); }

void next_may_start() { current_worker->overlap().next_may_start = true; }
void wait_for_earlier() { current_worker->overlap().waits = true; }

void grid_arrive(u32* counter) {
    *counter += 1;
    current_worker->wake_counted(counter);
}

void grid_wait(u32* counter, u32 count) {
    if (*counter >= count) return;
    current_lane->counter = counter;
    current_lane->count = count;
    current_worker->suspend(*current_lane, "grid_wait");
    current_lane->counter = nullptr;
}

void* cluster_shared(const void* own, int rank) {
    if (rank < 0 || rank >= current_worker->blocks()) fail("cluster_shared takes a rank within the cluster");
    check_shared(own, 1, 1, "cluster_shared");
    const BlockView& here = *current_lane->block;
    return current_worker->shared_of(rank) + (static_cast<const unsigned char*>(own) - here.shared);
}

void collective(const char* name, void* operands, Apply apply) {
    Lane& lane = *current_lane;
    Warp& warp = *lane.warp_state;
    if (warp.arrived == 0) warp.operation = name;
    if (warp.operation != name && std::strcmp(warp.operation, name) != 0) {
        current_worker->fail_at(&lane, "diverged warp: at %s while other lanes are at %s", name, warp.operation);
    }
    warp.operands[lane.lane] = operands;
    if (++warp.arrived < warp.size) return current_worker->suspend(lane, name);
    warp.arrived = 0;
    apply(warp.operands, warp.size);
    for (int i = 0; i < warp.size; i++) {
        if (i != lane.lane) current_worker->release(warp.lanes[i]);
    }
}

}  // namespace glass::host
