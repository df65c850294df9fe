// Exchange among the 32 lanes of a warp. Every lane of the warp takes part in each call.
#pragma once

#include "launch.cuh"

namespace glass {

#if defined(GLASS_HOST)

namespace host {

struct Exchange {
    u64 value;
    int source;  // the lane whose value is wanted
    u64 result;
};

inline void exchange(void* const* operands, int lanes) {
    for (int lane = 0; lane < lanes; lane++) {
        Exchange& own = *static_cast<Exchange*>(operands[lane]);
        const int source = own.source < lanes ? own.source : lane;
        own.result = static_cast<const Exchange*>(operands[source])->value;
    }
}

// Every lane's value, so that reductions meet once instead of five times.
struct Gather {
    u64 value;
    u64 all[32];
};

inline void gather(void* const* operands, int lanes) {
    u64 all[32];
    for (int lane = 0; lane < 32; lane++) {
        all[lane] = lane < lanes ? static_cast<const Gather*>(operands[lane])->value : 0;
    }
    for (int lane = 0; lane < lanes; lane++) {
        __builtin_memcpy(static_cast<Gather*>(operands[lane])->all, all, sizeof(all));
    }
}

inline void meet(void* const*, int) {}

template <class T>
GLASS_DEVICE u64 widen(T value) {
    u64 wide = 0;
    __builtin_memcpy(&wide, &value, sizeof(T));
    return wide;
}

template <class T>
GLASS_DEVICE T narrow(u64 wide) {
    T value;
    __builtin_memcpy(&value, &wide, sizeof(T));
    return value;
}

template <class T>
GLASS_DEVICE T exchange_with(const char* name, T value, int source) {
    Exchange operands = {widen(value), source, 0};
    collective(name, &operands, exchange);
    return narrow<T>(operands.result);
}

// The butterfly of warp_reduce below, in the same order, after a single meeting.
template <class T, class Combine>
T reduce(T value, Combine combine) {
    Gather operands;
    operands.value = widen(value);
    collective("warp_reduce", &operands, gather);
    T values[32];
    for (int lane = 0; lane < 32; lane++) values[lane] = narrow<T>(operands.all[lane]);
    for (int width = 16; width > 0; width /= 2) {
        for (int lane = 0; lane < width; lane++) values[lane] = combine(values[lane], values[lane + width]);
    }
    return values[0];
}

}  // namespace host

template <class T>
GLASS_DEVICE T shuffle_xor(T value, int mask) {
    return host::exchange_with("shuffle_xor", value, lane_id() ^ mask);
}
// Lanes at the end of the warp keep their own value.
template <class T>
GLASS_DEVICE T shuffle_down(T value, int delta) {
    const int source = lane_id() + delta;
    return host::exchange_with("shuffle_down", value, source < 32 ? source : lane_id());
}
template <class T>
GLASS_DEVICE T shuffle(T value, int source) {
    return host::exchange_with("shuffle", value, source & 31);
}
GLASS_DEVICE u32 warp_ballot(bool predicate) {
    host::Gather operands;
    operands.value = predicate;
    host::collective("warp_ballot", &operands, host::gather);
    u32 result = 0;
    for (int lane = 0; lane < 32; lane++) result |= u32(operands.all[lane]) << lane;
    return result;
}
GLASS_DEVICE void sync_warp() { host::collective("sync_warp", nullptr, host::meet); }

#else

template <class T>
GLASS_DEVICE T shuffle_xor(T value, int mask) {
    return __shfl_xor_sync(0xffffffffu, value, mask);
}
template <class T>
GLASS_DEVICE T shuffle_down(T value, int delta) {
    return __shfl_down_sync(0xffffffffu, value, delta);
}
template <class T>
GLASS_DEVICE T shuffle(T value, int source) {
    return __shfl_sync(0xffffffffu, value, source);
}
GLASS_DEVICE u32 warp_ballot(bool predicate) { return __ballot_sync(0xffffffffu, predicate); }
GLASS_DEVICE void sync_warp() { __syncwarp(); }

#endif

// combine(a, b) over the 32 lanes, the same value in every lane; combine is commutative.
template <class T, class Combine>
GLASS_DEVICE T warp_reduce(T value, Combine combine) {
#if defined(GLASS_HOST)
    return host::reduce(value, combine);
#else
    GLASS_UNROLL
    for (int mask = 16; mask > 0; mask >>= 1) value = combine(value, shuffle_xor(value, mask));
    return value;
#endif
}

struct Add {
    template <class T>
    GLASS_DEVICE T operator()(T a, T b) const {
        return a + b;
    }
};
struct Larger {  // NaN wins, as in math.cuh
    template <class T>
    GLASS_DEVICE T operator()(T a, T b) const {
        return a > b || a != a ? a : b;
    }
};
struct Smaller {
    template <class T>
    GLASS_DEVICE T operator()(T a, T b) const {
        return a < b || a != a ? a : b;
    }
};

template <class T>
GLASS_DEVICE T warp_sum(T value) {
    return warp_reduce(value, Add{});
}
template <class T>
GLASS_DEVICE T warp_max(T value) {
    return warp_reduce(value, Larger{});
}
template <class T>
GLASS_DEVICE T warp_min(T value) {
    return warp_reduce(value, Smaller{});
}

}  // namespace glass
