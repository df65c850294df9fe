// The runtime behind host_interface.hpp, and glass_host_launch, the C function that runs a grid.
// Compiled once, as a translation unit of its own, and linked with every plan's kernels.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "host_async.hpp"
#include "host_meeting.hpp"
#include "host_products.hpp"

namespace glass::host {

// Upper halves of vector registers that other code of the process left behind make every change
// between this code (SSE) and the C library's (AVX) slow; measured: 30 times slower kernels.
[[gnu::noinline]] inline void clear_upper_halves() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx")) asm volatile("vzeroupper");
#endif
}

// Workers keep their stacks and shared memory from launch to launch.
class WorkerPool {
public:
    std::unique_ptr<Worker> take() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (idle_.empty()) return std::make_unique<Worker>();
        std::unique_ptr<Worker> worker = std::move(idle_.back());
        idle_.pop_back();
        return worker;
    }
    void give_back(std::unique_ptr<Worker> worker) {
        const std::lock_guard<std::mutex> lock(mutex_);
        idle_.push_back(std::move(worker));
    }
    // Frees the workers that no launch is using.
    void release() {
        const std::lock_guard<std::mutex> lock(mutex_);
        idle_.clear();
    }
    // Never destroyed: a thread of the program may still be launching when it exits.
    static WorkerPool& instance() {
        static WorkerPool& pool = *new WorkerPool;
        return pool;
    }

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Worker>> idle_;
};

// The clusters of one launch, handed out to workers in the launch's order.
class Grid {
public:
    explicit Grid(const Launch& launch) : launch_(launch) {
        count_ = 1;
        for (int axis = 0; axis < 3; axis++) {
            clusters_[axis] = launch.grid[axis] / launch.cluster[axis];
            count_ *= clusters_[axis];
        }
        if (Order(launch.order) == Order::seeded) shuffle();
    }

    // Runs on; false when the time slice is over and something is left to do.
    bool go_on() {
        clear_upper_halves();
        slice_.begin();
        if (!worker_) {
            worker_ = WorkerPool::instance().take();
            worker_->prepare(launch_, abandoned_, &slice_);
            begin_ = TimeSlice::Clock::now();
        }
        while (run_one(*worker_, turn_)) {
            if (!shared_) share_out();
            if (worker_->busy()) return false;
        }
        if (!others_done()) return false;
        join();
        if (error_.empty() && next_may_start_ && !waits_) {
            error_ = std::string("kernel ") + launch_.entry->name + ": lets the next kernel start, and no thread waits for " +
                     "those before: the next one waits for this one alone, and would read what they have yet to write";
        }
        return true;
    }

    // Ends as soon as may be, wherever it is.
    void abandon() {
        abandoned_ = true;
        join();
    }

    // The error of the first cluster that failed, or nothing.
    const std::string& error() const { return error_; }

private:
    void shuffle() {
        permutation_.resize(count_);
        u64 random = launch_.seed;
        for (u64 i = 0; i < count_; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const u64 other = (random >> 33) % (i + 1);
            permutation_[i] = permutation_[other];
            permutation_[other] = i;
        }
    }

    u64 in_order(u64 i) const {
        switch (Order(launch_.order)) {
            case Order::reverse: return count_ - 1 - i;
            case Order::seeded: return permutation_[i];
            default: return i;
        }
    }

    // Starts threads for what is left, by how long the first cluster took or is taking.
    void share_out() {
        constexpr std::chrono::microseconds worth_a_thread(200);
        shared_ = true;
        const u64 rest = count_ - std::min<u64>(count_, next_);
        const u64 useful = u64((TimeSlice::Clock::now() - begin_) * rest / worth_a_thread);
        // Threads blocks out of order would defeat the point of the other orders.
        const bool parallel = Order(launch_.order) == Order::forward && launch_.workers > 1;
        for (u64 i = 1; parallel && i < std::min<u64>({launch_.workers, useful + 1, rest}); i++) {
            try {
                threads_.emplace_back([this] { run_on_thread(); });
                const std::lock_guard<std::mutex> lock(mutex_);
                running_++;
            } catch (const std::system_error&) {
                break;  // the system has no more threads to give: those that run do all the work
            }
        }
    }

    // Waits for the other threads, but not beyond the time slice.
    bool others_done() {
        std::unique_lock<std::mutex> lock(mutex_);
        return done_.wait_for(lock, TimeSlice::length, [this] { return running_ == 0; });
    }

    void join() {
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
        if (worker_) WorkerPool::instance().give_back(std::move(worker_));
    }

    // Takes the next turn, or goes on with the one that the worker paused in; false when none is left.
    bool run_one(Worker& worker, u64& turn) {
        if (!worker.busy()) {
            turn = next_++;
            if (turn >= count_ || failed_ || abandoned_) return false;
            const u64 i = in_order(turn);
            const u32 cluster[3] = {u32(i % clusters_[0]), u32(i / clusters_[0] % clusters_[1]),
                                    u32(i / (clusters_[0] * clusters_[1]))};
            worker.start(cluster);
        }
        const Worker::Outcome outcome = worker.go_on();
        if (outcome == Worker::Outcome::finished) {
            if (worker.overlap().next_may_start) next_may_start_ = true;
            if (worker.overlap().waits) waits_ = true;
        }
        if (outcome != Worker::Outcome::failed) return true;
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!failed_ || turn < first_failed_) {
            first_failed_ = turn;
            error_ = worker.error();
        }
        failed_ = true;
        return false;
    }

    void run_on_thread() {
        try {
            std::unique_ptr<Worker> worker = WorkerPool::instance().take();
            worker->prepare(launch_, abandoned_, nullptr);
            u64 turn = 0;
            while (run_one(*worker, turn) && !worker->busy()) {
            }
            WorkerPool::instance().give_back(std::move(worker));
        } catch (const std::exception& exception) {
            const std::lock_guard<std::mutex> lock(mutex_);
            error_ = exception.what();
            failed_ = true;
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        running_--;
        done_.notify_one();
    }

    const Launch& launch_;
    u64 clusters_[3];
    u64 count_;
    std::vector<u64> permutation_;
    std::atomic<u64> next_{0};
    std::atomic<bool> failed_{false};
    std::atomic<bool> next_may_start_{false}, waits_{false};
    std::atomic<bool> abandoned_{false};
    std::mutex mutex_;
    u64 first_failed_ = 0;
    std::string error_;
    TimeSlice slice_;
    TimeSlice::Clock::time_point begin_;
    std::unique_ptr<Worker> worker_;  // of the calling thread
    u64 turn_ = 0;
    bool shared_ = false;
    std::vector<std::thread> threads_;
    int running_ = 0;
    std::condition_variable done_;
};

inline std::string check_arguments(const Launch& launch) {
    const Entry& entry = *launch.entry;
    const std::string kernel = std::string("kernel ") + entry.name + ": ";
    if (launch.argument_count != entry.count) {
        return kernel + "takes " + std::to_string(entry.count) + " arguments, got " + std::to_string(launch.argument_count);
    }
    for (u64 i = 0; i < entry.count; i++) {
        if (entry.sizes[i] == 0 || entry.sizes[i] == launch.arguments[i].bytes) continue;
        return kernel + "argument " + std::to_string(i) + " has " + std::to_string(entry.sizes[i]) + " bytes, got " +
               std::to_string(launch.arguments[i].bytes);
    }
    return {};
}

}  // namespace glass::host

// 0 when the grid ran; 1 with a text in `message` when the kernel failed; 2 when it is still running: call
// again. Lets no exception out.
extern "C" __attribute__((visibility("default"))) int glass_host_launch(glass::host::Launch* launch, char* message,
                                                                        unsigned long long capacity) {
    using glass::host::Grid;
    std::string error;
    std::unique_ptr<Grid> grid(static_cast<Grid*>(launch->running));
    launch->running = nullptr;
    try {
        if (!grid) error = glass::host::check_arguments(*launch);
        if (error.empty()) {
            if (!grid) grid = std::make_unique<Grid>(*launch);
            if (!grid->go_on()) {
                launch->running = grid.release();
                return 2;
            }
            error = grid->error();
        }
    } catch (const std::exception& exception) {
        error = exception.what();
        if (grid) grid->abandon();
    }
    std::snprintf(message, capacity, "%s", error.c_str());
    return error.empty() ? 0 : 1;
}

// Ends a launch that is still running.
extern "C" __attribute__((visibility("default"))) void glass_host_abandon(glass::host::Launch* launch) {
    const std::unique_ptr<glass::host::Grid> grid(static_cast<glass::host::Grid*>(launch->running));
    launch->running = nullptr;
    if (grid) grid->abandon();
}

// Gives back what the launches so far keep for the next ones. Launches may be running.
extern "C" __attribute__((visibility("default"))) void glass_host_release() {
    glass::host::WorkerPool::instance().release();
}
