// A worker runs clusters of blocks one after the other: a fiber per thread, switched at meeting points.
//
// A fiber whose thread has finished starts the next thread itself, so a kernel without meeting points
// runs as a plain loop on one stack. Lanes that wait are resumed in order of release; when nothing can
// run, asynchronous copies land one by one, and when there are none left the kernel is stuck.
// Between threads and at meeting points a worker may pause, to be continued or never to be.
#pragma once

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "host_slice.hpp"
#include "host_state.hpp"

namespace glass::host {

class Worker;
// Of the one translation unit of the runtime: some linkers export what is `inline`, and then libraries share it.
static thread_local Lane* current_lane = nullptr;
static thread_local Worker* current_worker = nullptr;

class Worker {
public:
    enum class Outcome { finished, failed, paused };

    // Before the first cluster of a launch. The worker pauses when `slice`, if there is one, is over, and
    // when the launch is abandoned.
    void prepare(const Launch& launch, const std::atomic<bool>& abandoned, TimeSlice* slice) {
        launch_ = &launch;
        is_abandoned_ = &abandoned;
        slice_ = slice;
        busy_ = false;
        error_[0] = 0;
        threads_ = int(launch.block[0] * launch.block[1] * launch.block[2]);
        blocks_.resize(launch.cluster[0] * launch.cluster[1] * launch.cluster[2]);
        shared_.resize(blocks_.size());
        const int warps_per_block = (threads_ + 31) / 32;
        warps_.resize(blocks_.size() * std::size_t(warps_per_block));
        total_ = int(blocks_.size()) * threads_;
        if (lanes_.size() < std::size_t(total_)) lanes_.resize(std::size_t(total_));
        for (int i = 0; i < total_; i++) place_lane(i, warps_per_block);
        order_lanes(warps_per_block * int(blocks_.size()));
        // Idle fibers may have last run on another thread of the machine: none keeps its stack.
        idle_.clear();
        for (auto& fiber : fibers_) recycle(*fiber);
    }

    // Makes the blocks of one cluster ready to run.
    void start(const u32 (&cluster)[3]) {
        for (std::size_t rank = 0; rank < blocks_.size(); rank++) place_block(rank, cluster);
        for (int i = 0; i < total_; i++) restart_lane(lanes_[std::size_t(i)]);
        ready_.reset(std::size_t(total_));
        started_ = finished_ = 0;
        bulk_loads_.clear();
        cluster_copies_.clear();
        overlap_ = Overlap();
        failed_ = false;
        busy_ = true;
    }

    // Runs the blocks that were started; failed, with error(), when the kernel did something wrong.
    Outcome go_on() {
        current_worker = this;
        paused_ = false;
        while (!failed_ && !paused_ && finished_ < total_) {
            if (!ready_.empty() || started_ < total_) {
                Context& next = next_context();
                if (!failed_ && !paused_) switch_context(main_, next);
            } else if (!land_one()) {
                report_stuck();
            }
        }
        current_lane = nullptr;
        if (!failed_ && finished_ < total_) return Outcome::paused;
        if (!failed_) check_finished();
        busy_ = false;
        return failed_ ? Outcome::failed : Outcome::finished;
    }

    // Whether blocks have been started and not run to their end.
    bool busy() const { return busy_; }

    const char* error() const { return error_; }

    // ---- Called from fibers. --------------------------------------------------------------------

    // Lets others run until somebody calls release(lane).
    void suspend(Lane& lane, const char* at) {
        lane.waits_at = at;
        switch_context(lane.fiber->context, next_context());
        current_lane = &lane;
    }

    void release(Lane& lane) {
        lane.waits_at = nullptr;
        ready_.push(&lane);
    }

    void meet(Meeting& meeting, int expected, const char* at) {
        Lane& lane = *current_lane;
        if (meeting.arrived == 0) meeting.expected = expected;
        if (meeting.expected != expected) {
            fail_at(&lane, "%s for %d threads where others expect %d", at, expected, meeting.expected);
        }
        if (++meeting.arrived < expected) {
            lane.next_waiting = nullptr;
            (meeting.last ? meeting.last->next_waiting : meeting.first) = &lane;
            meeting.last = &lane;
            suspend(lane, at);
            return;
        }
        for (Lane* waiting = meeting.first; waiting; waiting = waiting->next_waiting) release(*waiting);
        meeting = Meeting();
    }

    void meet_cluster() { meet(cluster_meeting_, total_, "cluster_sync"); }
    int threads() const { return threads_; }
    int blocks() const { return int(blocks_.size()); }
    unsigned char* shared_of(int rank) const { return blocks_[std::size_t(rank)].shared; }

    [[noreturn]] void fail_at(const Lane* lane, const char* format, ...) {
        va_list values;
        va_start(values, format);
        describe(lane, format, values);
        va_end(values);
        switch_context(abandoned_, main_);  // nobody resumes this fiber: kernels own nothing
        __builtin_unreachable();
    }

    Overlap& overlap() { return overlap_; }
    std::vector<BulkCopy>& bulk_loads() { return bulk_loads_; }
    std::vector<ClusterCopy>& cluster_copies() { return cluster_copies_; }
    void wake_waiters(u64* barrier, u32 ended_parity);

    void wake_counted(const u32* counter) {
        for (int i = 0; i < total_; i++) {
            Lane& lane = lanes_[std::size_t(i)];
            if (lane.counter == counter && lane.waits_at && *counter >= lane.count) release(lane);
        }
    }

private:
    void place_lane(int i, int warps_per_block) {
        Lane& lane = lanes_[std::size_t(i)];
        const int linear = i % threads_, rank = i / threads_;
        const int x = int(launch_->block[0]), y = int(launch_->block[1]);
        lane.index[0] = linear % x;
        lane.index[1] = linear / x % y;
        lane.index[2] = linear / (x * y);
        lane.lane = linear % 32;
        lane.warp = linear / 32;
        lane.block_state = &blocks_[std::size_t(rank)];
        lane.block = lane.block_state;
        lane.warp_state = &warps_[std::size_t(rank * warps_per_block + lane.warp)];
        if (lane.lane == 0) {
            lane.warp_state->lanes = &lane;
            lane.warp_state->size = threads_ - linear < 32 ? threads_ - linear : 32;
        }
    }

    void place_block(std::size_t rank, const u32 (&cluster)[3]) {
        BlockState& block = blocks_[rank];
        const u32 (&size)[3] = launch_->cluster;
        const u32 inside[3] = {u32(rank) % size[0], u32(rank) / size[0] % size[1], u32(rank) / (size[0] * size[1])};
        for (int axis = 0; axis < 3; axis++) {
            block.index[axis] = int(cluster[axis] * size[axis] + inside[axis]);
            block.grid[axis] = int(launch_->grid[axis]);
            block.size[axis] = int(launch_->block[axis]);
        }
        block.cluster_rank = int(rank);
        block.running = threads_;
        shared_[rank].reset(launch_->shared_bytes);
        block.shared = shared_[rank].data();
        block.shared_bytes = launch_->shared_bytes;
        for (Meeting& meeting : block.meetings) meeting = Meeting();
        for (Meeting& meeting : block.warpgroups) meeting = Meeting();
        cluster_meeting_ = Meeting();
    }

    static void restart_lane(Lane& lane) {
        lane.fiber = nullptr;
        lane.waits_at = nullptr;
        lane.counter = nullptr;
        lane.copies.clear();
        lane.bulk_stores.clear();
        lane.products.clear();
        lane.held_sums.clear();
        lane.warp_state->arrived = 0;
    }

    // Which thread starts when: as numbered, backwards, or whole warps in a seeded order.
    void order_lanes(int warps) {
        start_.clear();
        const Order order = Order(launch_->order);
        std::vector<int> sequence(std::size_t(warps), 0);
        u64 random = launch_->seed * 2 + 1;
        for (int i = 0; i < warps; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const int other = order == Order::seeded ? int((random >> 33) % u64(i + 1)) : i;
            sequence[std::size_t(i)] = sequence[std::size_t(other)];
            sequence[std::size_t(other)] = i;
        }
        for (int warp : sequence) {
            const Lane* first = warps_[std::size_t(warp)].lanes;
            for (int lane = 0; lane < warps_[std::size_t(warp)].size; lane++) start_.push_back(int(first - lanes_.data()) + lane);
        }
        if (order == Order::reverse) std::reverse(start_.begin(), start_.end());
    }

    bool must_pause() {
        paused_ = paused_ || is_abandoned_->load(std::memory_order_relaxed) || (slice_ && slice_->over());
        return paused_;
    }

    Context& next_context() {
        if (must_pause()) return main_;
        if (!ready_.empty()) return ready_.pop()->fiber->context;
        if (started_ == total_) return main_;
        if (idle_.empty() && !add_fiber()) {
            report(lanes_.data(), "the system has no memory left for the stacks of %d threads", total_);
            return main_;
        }
        starting_ = idle_.back();
        idle_.pop_back();
        return starting_->context;
    }

    // False when there is no memory. Called from fibers, which no exception may leave.
    bool add_fiber() {
        try {
            const std::size_t number = fibers_.size(), stack = number % StackSlab::stacks;
            if (stack == 0) slabs_.push_back(std::make_unique<StackSlab>());
            fibers_.push_back(std::make_unique<Fiber>(slabs_.back()->base(stack), number));
            recycle(*fibers_.back());
            return true;
        } catch (const std::bad_alloc&) {
            return false;
        }
    }

    void recycle(Fiber& fiber) {
        fiber.reset(&Worker::fiber_body);
        idle_.push_back(&fiber);
    }

    static void fiber_body() {
        Worker& worker = *current_worker;
        Fiber* const own = worker.starting_;
        for (;;) {
            if (worker.ready_.empty() && worker.started_ < worker.total_ && !worker.must_pause()) {
                worker.run_next_lane(own);
                continue;
            }
            worker.idle_.push_back(own);
            switch_context(own->context, worker.next_context());
        }
    }

    void run_next_lane(Fiber* fiber) {
        Lane& lane = lanes_[std::size_t(start_[std::size_t(started_++)])];
        lane.fiber = fiber;
        current_lane = &lane;
        launch_->entry->call(launch_->arguments);
        if (fiber->overflowed()) fail_at(&lane, "used more than %zu bytes of stack", Fiber::usable);
        if (!lane.copies.empty()) fail_at(&lane, "finished with cp_async copies that nothing waited for");
        if (!lane.bulk_stores.empty()) fail_at(&lane, "finished with tma_store copies that nothing waited for");
        if (!lane.products.empty()) fail_at(&lane, "finished with products of wgmma that nothing waited for");
        if (--lane.block_state->running == 0) check_copied(lane);
        finished_++;
    }

    // A block that ends gives its shared memory away.
    void check_copied(const Lane& lane) {
        for (const ClusterCopy& copy : cluster_copies_) {
            if (copy.source == lane.block_state) fail_at(&lane, "the block ends while a cluster_copy reads its shared memory");
        }
    }

    bool land_one();

    void check_finished() {
        if (!bulk_loads_.empty()) return report(lanes_.data(), "finished with tma_load copies that nothing waited for");
        for (std::size_t rank = 0; rank < blocks_.size(); rank++) {
            if (shared_[rank].intact()) continue;
            report(&lanes_[rank * std::size_t(threads_)], "wrote outside the %llu bytes of dynamic shared memory",
                   launch_->shared_bytes);
        }
    }

    // Names the first thread that waits, and how many others do what.
    void report_stuck() {
        const Lane* first = nullptr;
        int waiting = 0, elsewhere = 0;
        for (int i = 0; i < total_; i++) {
            const Lane& lane = lanes_[std::size_t(i)];
            if (!lane.waits_at) continue;
            if (!first) first = &lane;
            waiting++;
            elsewhere += std::strcmp(first->waits_at, lane.waits_at) != 0;
        }
        report(first, "waits at %s for ever (diverged barrier): %d of %d threads wait there, %d elsewhere, %d have finished",
               first->waits_at, waiting - elsewhere, total_, elsewhere, finished_);
    }

    void report(const Lane* lane, const char* format, ...) {
        va_list values;
        va_start(values, format);
        describe(lane, format, values);
        va_end(values);
    }

    void describe(const Lane* lane, const char* format, va_list values) {
        const int used = std::snprintf(error_, sizeof(error_), "kernel %s, block (%d, %d, %d), thread (%d, %d, %d): ",
                                       launch_->entry->name, lane->block->index[0], lane->block->index[1],
                                       lane->block->index[2], lane->index[0], lane->index[1], lane->index[2]);
        if (used > 0 && used < int(sizeof(error_))) {
            std::vsnprintf(error_ + used, sizeof(error_) - std::size_t(used), format, values);
        }
        failed_ = true;
    }

    const Launch* launch_ = nullptr;
    int threads_ = 0, total_ = 0, started_ = 0, finished_ = 0;
    bool failed_ = false, paused_ = false, busy_ = false;
    const std::atomic<bool>* is_abandoned_ = nullptr;
    TimeSlice* slice_ = nullptr;
    char error_[1024];
    std::vector<BlockState> blocks_;
    std::vector<SharedMemory> shared_;
    std::vector<Warp> warps_;
    std::vector<Lane> lanes_;
    std::vector<int> start_;
    Meeting cluster_meeting_;
    Overlap overlap_;
    ReadyRing ready_;
    std::vector<std::unique_ptr<StackSlab>> slabs_;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<Fiber*> idle_;
    Fiber* starting_ = nullptr;
    Context main_, abandoned_;
    std::vector<BulkCopy> bulk_loads_;
    std::vector<ClusterCopy> cluster_copies_;
};

}  // namespace glass::host
