// Asynchronous copies and their barriers. A copy's target is poisoned when the copy is issued, so a
// read before the wait sees NaN and not, by luck, the data.
#pragma once

#include "host_tensor_map.hpp"
#include "host_worker.hpp"

namespace glass::host {

// ---- cp.async -----------------------------------------------------------------------------------

void copy_async(void* to, const void* from, int bytes) {
    std::memset(to, 0xff, std::size_t(bytes));
    current_lane->copies.add({to, from, bytes});
}

void copy_async_commit() { current_lane->copies.commit(); }

void copy_async_wait(int pending) {
    current_lane->copies.wait(pending, [](const Copy& copy) {
        if (copy.from) {
            std::memcpy(copy.to, copy.from, std::size_t(copy.bytes));
        } else {
            std::memset(copy.to, 0, std::size_t(copy.bytes));
        }
    });
}

// ---- mbarrier: the 64 bits in shared memory are the state, as on the GPU. -----------------------

struct BarrierBits {
    u64 parity : 1;
    u64 expected : 20;
    u64 pending : 20;
    i64 bytes : 23;
};
static_assert(sizeof(BarrierBits) == sizeof(u64), "a barrier is one word");

inline BarrierBits bits_of(const u64* barrier) {
    if (*barrier == ~u64(0)) fail("barrier used before barrier_init");
    return bit_cast<BarrierBits>(*barrier);
}

inline BarrierBits read_barrier(u64* barrier) {
    check_shared(barrier, 8, 8, "barrier");
    return bits_of(barrier);
}

inline void write_barrier(u64* barrier, BarrierBits bits) {
    if (bits.pending == 0 && bits.bytes == 0) {
        const u32 ended = u32(bits.parity);
        bits.parity ^= 1;
        bits.pending = bits.expected;
        current_worker->wake_waiters(barrier, ended);
    }
    *barrier = bit_cast<u64>(bits);
}

void barrier_init(u64* barrier, int count) {
    check_shared(barrier, 8, 8, "barrier_init");
    if (count < 1 || count >= 1 << 20) fail("barrier_init takes a count of 1 to 2^20 - 1");
    *barrier = bit_cast<u64>(BarrierBits{0, u64(count), u64(count), 0});
}

inline void arrive(u64* barrier, BarrierBits bits, i64 expected_bytes) {
    if (bits.pending == 0) fail("more arrivals at a barrier than it expects");
    bits.pending -= 1;
    bits.bytes += expected_bytes;
    write_barrier(barrier, bits);
}

void barrier_arrive(u64* barrier, i64 expected_bytes) { arrive(barrier, read_barrier(barrier), expected_bytes); }

void barrier_arrive_at(u64* barrier, int rank) {
    u64* const there = static_cast<u64*>(cluster_shared(barrier, rank));
    arrive(there, bits_of(there), 0);
}

void barrier_wait(u64* barrier, u32 parity) {
    if (read_barrier(barrier).parity != (parity & 1)) return;
    current_lane->barrier = barrier;
    current_lane->parity = parity & 1;
    current_worker->suspend(*current_lane, "barrier_wait");
    current_lane->barrier = nullptr;
}

// A GPU answers stores and copies to a cluster's shared memory with an illegal instruction where the launch has no clusters,
// even those of a block to itself (seen on an H200, driver 580.159.04).
void check_cluster(const char* fault) {
    if (current_worker->blocks() == 1) fail(fault);
}

void cluster_store(void* own, int rank, u64* barrier, const void* value, int bytes) {
    check_cluster("a cluster_store in a launch without clusters");
    check_shared(own, u64(bytes), u64(bytes), "cluster_store");
    read_barrier(barrier);
    u64* const there = static_cast<u64*>(cluster_shared(barrier, rank));
    if (*there == ~u64(0)) fail("cluster_store before the other block's barrier_init");
    std::memcpy(cluster_shared(own, rank), value, std::size_t(bytes));
    BarrierBits bits = bit_cast<BarrierBits>(*there);
    bits.bytes -= bytes;
    write_barrier(there, bits);
}

void cluster_copy(void* own, int rank, u64* barrier, const void* from, int bytes) {
    check_cluster("a cluster_copy in a launch without clusters");
    if (bytes <= 0 || bytes % 16 != 0) fail("cluster_copy takes a multiple of 16 bytes");
    check_shared(from, u64(bytes), 16, "cluster_copy");
    check_shared(own, u64(bytes), 16, "cluster_copy");
    read_barrier(barrier);
    u64* const there = static_cast<u64*>(cluster_shared(barrier, rank));
    if (*there == ~u64(0)) fail("cluster_copy before the other block's barrier_init");
    void* const to = cluster_shared(own, rank);
    std::memset(to, 0xff, std::size_t(bytes));
    current_worker->cluster_copies().push_back({rank, to, from, bytes, there, current_lane->block_state});
}

inline void land_copy(const ClusterCopy& copy) {
    std::memcpy(copy.to, copy.from, std::size_t(copy.bytes));
    BarrierBits bits = bit_cast<BarrierBits>(*copy.barrier);
    bits.bytes -= copy.bytes;
    write_barrier(copy.barrier, bits);
}

inline void Worker::wake_waiters(u64* barrier, u32 ended_parity) {
    for (int i = 0; i < total_; i++) {
        Lane& lane = lanes_[std::size_t(i)];
        if (lane.barrier != barrier || lane.parity != ended_parity || !lane.waits_at) continue;
        release(lane);
    }
}

// ---- Bulk tensor copies -------------------------------------------------------------------------

inline BulkCopy bulk_copy(const u64* map, const void* shared, const int* coordinates, const int* offsets, int rank,
                          const char* what) {
    const TensorMapView view{map};
    if (view.rank() != rank) fail("a tensor map used with the wrong number of coordinates");
    if (view.im2col() != (offsets != nullptr)) fail("a tiled tensor map used as an im2col one, or the other way round");
    // Of twice as many channels an H200 (driver 580.159.04) was right, of eight times as many it failed.
    if (view.im2col() && view.box(0) > 2 * view.dimension(0)) fail("an im2col copy of many more channels than there are");
    if (view.extent() > view.bytes()) fail("a tensor map reaches outside its buffer");
    // Anything else is an illegal instruction on an H200 (driver 580.159.04), out of bounds or not.
    if (i64(coordinates[0]) * view.element() % 16) {
        fail("a bulk tensor copy starts within 16 bytes: its innermost coordinate is not a multiple of 16 bytes");
    }
    // Whole swizzle patterns: eight lines of 32, 64 or 128 bytes.
    check_shared(shared, view.box_bytes(), view.swizzle() ? u64(128) << view.swizzle() : 128, what);
    BulkCopy copy = {};
    std::memcpy(copy.map, map, sizeof(copy.map));
    copy.shared = const_cast<unsigned char*>(static_cast<const unsigned char*>(shared));
    for (int axis = 0; axis < rank; axis++) copy.coordinates[axis] = coordinates[axis];
    for (int axis = 1; offsets && axis < rank - 1; axis++) copy.offsets[axis] = offsets[axis - 1];
    return copy;
}

inline void start_load(BulkCopy copy, u64* barrier) {
    bits_of(barrier);
    copy.barrier = barrier;
    std::memset(copy.shared, 0xff, TensorMapView{copy.map}.box_bytes());
    current_worker->bulk_loads().push_back(copy);
}

void bulk_load(void* to, const u64* map, u64* barrier, const int* coordinates, int rank) {
    check_shared(barrier, 8, 8, "barrier");
    start_load(bulk_copy(map, to, coordinates, nullptr, rank, "tma_load"), barrier);
}

void bulk_load_to(u16 blocks, void* to, const u64* map, u64* barrier, const int* coordinates, int rank) {
    const BulkCopy copy = bulk_copy(map, to, coordinates, nullptr, rank, "tma_load");
    for (int block = 0; block < 16; block++) {
        if (!(blocks >> block & 1)) continue;
        BulkCopy own = copy;
        own.shared = static_cast<unsigned char*>(cluster_shared(to, block));
        start_load(own, static_cast<u64*>(cluster_shared(barrier, block)));
    }
}

void bulk_load_im2col(void* to, const u64* map, u64* barrier, const int* coordinates, const int* offsets, int rank) {
    check_shared(barrier, 8, 8, "barrier");
    start_load(bulk_copy(map, to, coordinates, offsets, rank, "tma_load"), barrier);
}

inline void round_word(unsigned char* shared) {
    u32 bits;
    std::memcpy(&bits, shared, sizeof(bits));
    bits = nearest_tf32(bits);
    std::memcpy(shared, &bits, sizeof(bits));
}

inline void land_load(const BulkCopy& copy) {
    const int fill = TensorMapView{copy.map}.nan_fill() ? 0xff : 0;  // all ones is NaN in every format
    const bool rounds = TensorMapView{copy.map}.tf32();
    visit_box(copy, [fill, rounds](unsigned char* shared, const unsigned char* global, std::size_t bytes) {
        if (global) {
            std::memcpy(shared, global, bytes);
            if (rounds) round_word(shared);
        } else {
            std::memset(shared, fill, bytes);
        }
    });
    BarrierBits bits = bit_cast<BarrierBits>(*copy.barrier);
    bits.bytes -= i64(TensorMapView{copy.map}.box_bytes());
    write_barrier(copy.barrier, bits);
}

// The oldest load in flight lands, or else a copy to another block: first those to the block that has the lowest rank, which
// may end while others wait for its own. Runs outside the fibers, where nothing may call fail().
inline bool Worker::land_one() {
    if (!ready_.empty()) return false;
    if (bulk_loads_.empty()) {
        if (cluster_copies_.empty()) return false;
        const auto next = std::min_element(cluster_copies_.begin(), cluster_copies_.end(),
                                           [](const ClusterCopy& a, const ClusterCopy& b) { return a.rank < b.rank; });
        const ClusterCopy copy = *next;
        cluster_copies_.erase(next);
        land_copy(copy);
        return true;
    }
    const BulkCopy copy = bulk_loads_.front();
    bulk_loads_.erase(bulk_loads_.begin());
    land_load(copy);
    return true;
}

void bulk_store(const u64* map, const void* from, const int* coordinates, int rank) {
    current_lane->bulk_stores.add(bulk_copy(map, from, coordinates, nullptr, rank, "tma_store"));
}

void bulk_store_commit() { current_lane->bulk_stores.commit(); }

void bulk_store_wait(int pending) {
    current_lane->bulk_stores.wait(pending, [](const BulkCopy& copy) {
        visit_box(copy, [](const unsigned char* shared, unsigned char* global, std::size_t bytes) {
            if (global) std::memcpy(global, shared, bytes);
        });
    });
}

}  // namespace glass::host
