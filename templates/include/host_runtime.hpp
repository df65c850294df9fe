// The runtime behind host_interface.hpp, and glass_host_launch, the C function that runs a grid.
// Compiled once, as a translation unit of its own, and linked with every plan's kernels.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "host_async.hpp"
#include "host_meeting.hpp"

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

    // Runs everything; the error of the first cluster that failed, or nothing.
    std::string run() {
        using Clock = std::chrono::steady_clock;
        constexpr std::chrono::microseconds worth_a_thread(200);
        clear_upper_halves();
        const auto start = Clock::now();
        std::unique_ptr<Worker> worker = WorkerPool::instance().take();
        worker->prepare(launch_);
        run_one(*worker);
        const u64 rest = count_ - std::min<u64>(count_, next_);
        const u64 useful = u64((Clock::now() - start) * rest / worth_a_thread);
        // Threads blocks out of order would defeat the point of the other orders.
        const bool parallel = Order(launch_.order) == Order::forward && launch_.workers > 1;
        std::vector<std::thread> threads;
        for (u64 i = 1; parallel && i < std::min<u64>({launch_.workers, useful + 1, rest}); i++) {
            try {
                threads.emplace_back([this] { run_on_thread(); });
            } catch (const std::system_error&) {
                break;  // the system has no more threads to give: those that run do all the work
            }
        }
        while (run_one(*worker)) {
        }
        for (std::thread& thread : threads) thread.join();
        WorkerPool::instance().give_back(std::move(worker));
        return error_;
    }

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

    bool run_one(Worker& worker) {
        const u64 turn = next_++;
        if (turn >= count_ || failed_) return false;
        const u64 i = in_order(turn);
        const u32 cluster[3] = {u32(i % clusters_[0]), u32(i / clusters_[0] % clusters_[1]),
                                u32(i / (clusters_[0] * clusters_[1]))};
        if (worker.run(cluster)) return true;
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
            worker->prepare(launch_);
            while (run_one(*worker)) {
            }
            WorkerPool::instance().give_back(std::move(worker));
        } catch (const std::exception& exception) {
            const std::lock_guard<std::mutex> lock(mutex_);
            error_ = exception.what();
            failed_ = true;
        }
    }

    const Launch& launch_;
    u64 clusters_[3];
    u64 count_;
    std::vector<u64> permutation_;
    std::atomic<u64> next_{0};
    std::atomic<bool> failed_{false};
    std::mutex mutex_;
    u64 first_failed_ = 0;
    std::string error_;
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

// 0 when the grid ran; 1 with a text in `message` when the kernel failed. Lets no exception out.
extern "C" __attribute__((visibility("default"))) int glass_host_launch(const glass::host::Launch* launch, char* message,
                                                                        unsigned long long capacity) {
    std::string error;
    try {
        error = glass::host::check_arguments(*launch);
        if (error.empty()) error = glass::host::Grid(*launch).run();
    } catch (const std::exception& exception) {
        error = exception.what();
    }
    std::snprintf(message, capacity, "%s", error.c_str());
    return error.empty() ? 0 : 1;
}

// Gives back what the launches so far keep for the next ones. Launches may be running.
extern "C" __attribute__((visibility("default"))) void glass_host_release() {
    glass::host::WorkerPool::instance().release();
}
