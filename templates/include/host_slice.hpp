// Time slices: a launch that runs long comes back to its caller now and then, who may want to end it.
#pragma once

#include <atomic>
#include <chrono>

namespace glass::host {

class TimeSlice {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds length{50};

    void begin() {
        looked_ = Clock::now();
        end_ = looked_ + length;
        calls_ = 0;
        stride_ = 1;
    }
    // Whether it is over. Asked before every thread of a kernel, so the clock is looked at more and more
    // seldom while little time passes in between.
    bool over() {
        if (++calls_ < stride_) return false;
        calls_ = 0;
        const auto now = Clock::now();
        if (now - looked_ < std::chrono::microseconds(100)) {
            if (stride_ < 64) stride_ *= 2;
        } else {
            stride_ = 1;
        }
        looked_ = now;
        return now >= end_;
    }

private:
    Clock::time_point looked_, end_;
    int calls_ = 0, stride_ = 1;
};

}  // namespace glass::host
