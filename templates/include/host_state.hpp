// The state of a cluster of blocks while one thread of the machine runs it.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "host_fiber.hpp"
#include "host_interface.hpp"

namespace glass::host {

// Asynchronous operations of one thread: closed into groups by commit, carried out by wait, oldest
// first, and by nothing else.
template <class Item>
class GroupQueue {
public:
    void add(const Item& item) { items_.push_back({item, committed_}); }
    void commit() { committed_++; }
    bool empty() const { return head_ == items_.size(); }

    template <class Perform>
    void wait(int pending, Perform perform) {
        while (!empty() && items_[head_].group + u64(pending) < committed_) perform(items_[head_++].item);
        if (empty()) clear();
    }
    void clear() {
        items_.clear();
        head_ = 0;
    }

private:
    struct Grouped {
        Item item;
        u64 group;
    };
    std::vector<Grouped> items_;
    std::size_t head_ = 0;
    u64 committed_ = 0;
};

struct Copy {
    void* to;
    const void* from;
    int bytes;
};

// A tensor map as runtime/host_arguments.py lays it out, and where to apply it. `offsets` are those of an
// im2col copy, by dimension.
struct BulkCopy {
    u64 map[16];
    unsigned char* shared;
    int coordinates[max_rank];
    int offsets[max_rank];
    int rank;
    u64* barrier;
};

// A copy from the shared memory of block `source` to block `rank` of its cluster, with the barrier there.
struct ClusterCopy {
    int rank;
    void* to;
    const void* from;
    int bytes;
    u64* barrier;
    const void* source;
};

// Accumulators that products under way will change, `values` in the place of those in `sums`.
struct HeldSums {
    void* sums;
    int under_way;
    std::vector<u32> values;
};

struct Lane;

// Where `expected` threads meet; the waiting ones form a list in order of arrival.
struct Meeting {
    int arrived = 0;
    int expected = 0;
    Lane* first = nullptr;
    Lane* last = nullptr;
};

struct Warp {
    void* operands[32];
    const char* operation = nullptr;
    int arrived = 0;
    int size = 0;
    Lane* lanes = nullptr;
};

struct BlockState : BlockView {
    Meeting meetings[16];
    Meeting warpgroups[8];
    int running = 0;  // threads that have not finished
};

struct Lane : ThreadView {
    Fiber* fiber = nullptr;
    Warp* warp_state = nullptr;
    BlockState* block_state = nullptr;
    const char* waits_at = nullptr;
    Lane* next_waiting = nullptr;
    u64* barrier = nullptr;  // waited for, with this parity
    u32 parity = 0;
    const u32* counter = nullptr;  // waited for, until it is `count`
    u32 count = 0;
    GroupQueue<Copy> copies;
    GroupQueue<BulkCopy> bulk_stores;
    GroupQueue<WarpgroupProduct> products;
    std::vector<HeldSums> held_sums;
};

// First in, first out; holds each lane at most once, so a fixed ring suffices.
class ReadyRing {
public:
    void reset(std::size_t lanes) {
        std::size_t size = 1;
        while (size < lanes + 1) size *= 2;
        slots_.resize(size);
        head_ = tail_ = 0;
    }
    bool empty() const { return head_ == tail_; }
    void push(Lane* lane) { slots_[tail_++ & (slots_.size() - 1)] = lane; }
    Lane* pop() { return slots_[head_++ & (slots_.size() - 1)]; }

private:
    std::vector<Lane*> slots_;
    std::size_t head_ = 0, tail_ = 0;
};

// What threads did about the launches before and behind theirs.
struct Overlap {
    bool next_may_start = false, waits = false;
};

enum class Order : u32 { forward, reverse, seeded };

// The C interface of a launch (runtime/host.py declares the same structure).
struct Launch {
    const Entry* entry;
    const Argument* arguments;
    u64 argument_count;
    u64 shared_bytes;
    u64 seed;
    u32 order;
    u32 workers;  // threads of the machine to use at most
    u32 grid[3];
    u32 block[3];
    u32 cluster[3];
    void* running;  // the grid, while a call has returned before its end
};

// Dynamic shared memory of one block, with zones on both sides that no kernel may write.
class SharedMemory {
public:
    static constexpr std::size_t zone = 1024;  // also the alignment that kernels are promised

    void reset(u64 bytes) {
        size_ = (bytes + zone - 1) / zone * zone + 2 * zone;
        if (storage_.size() < size_ + zone) storage_.resize(size_ + zone);
        const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
        begin_ = storage_.data() + (zone - address % zone) % zone;
        bytes_ = bytes;
        // All ones: NaN in every floating-point format, -1 in the signed integers.
        std::memset(begin_, 0xff, size_);
    }
    unsigned char* data() const { return begin_ + zone; }
    bool intact() const { return untouched(begin_, begin_ + zone) && untouched(data() + bytes_, begin_ + size_); }

private:
    static bool untouched(const unsigned char* from, const unsigned char* to) {
        for (; from < to; from++) {
            if (*from != 0xff) return false;
        }
        return true;
    }
    std::vector<unsigned char> storage_;
    unsigned char* begin_ = nullptr;
    std::size_t size_ = 0;
    u64 bytes_ = 0;
};

}  // namespace glass::host
