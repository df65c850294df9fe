// Products of warpgroups: what host_interface.hpp says of them.
#pragma once

#include "host_meeting.hpp"

namespace glass::host {

u64 shared_offset(const void* address, u64 alignment, const char* what) {
    check_shared(address, 1, alignment, what);
    return u64(static_cast<const unsigned char*>(address) - current_lane->block->shared);
}

inline HeldSums& held(Lane& lane, void* sums, int count) {
    for (HeldSums& each : lane.held_sums) {
        if (each.sums == sums) return each;
    }
    const u32* const values = static_cast<u32*>(sums);
    lane.held_sums.push_back({sums, 0, std::vector<u32>(values, values + count)});
    std::memset(sums, 0xff, std::size_t(count) * sizeof(u32));
    return lane.held_sums.back();
}

void wgmma_issue(const WarpgroupProduct& product) {
    held(*current_lane, product.sums, product.count).under_way++;
    current_lane->products.add(product);
}

void wgmma_commit() { current_lane->products.commit(); }

// All lanes of the warp carry out the same product, on the accumulators that are held.
inline void carry_out(const WarpgroupProduct& product) {
    Lane& lane = *current_lane;
    HeldSums& sums = held(lane, product.sums, product.count);
    WarpgroupProduct own = product;
    own.sums = sums.values.data();
    collective("wgmma_wait", &own, [](void* const* operands, int lanes) {
        const auto& first = *static_cast<const WarpgroupProduct*>(operands[0]);
        for (int i = 1; i < lanes; i++) {
            const auto& other = *static_cast<const WarpgroupProduct*>(operands[i]);
            if (first.a != other.a || first.b != other.b) fail("wgmma of tiles that differ from lane to lane");
        }
        first.multiply(operands, lanes);
    });
    sums.under_way--;
}

void wgmma_wait(int pending) {
    Lane& lane = *current_lane;
    if (current_worker->threads() < (lane.warp / 4 + 1) * 128) fail("wgmma needs a whole warpgroup of 128 threads");
    current_worker->meet(lane.block_state->warpgroups[lane.warp / 4], 128, "wgmma_wait");
    lane.products.wait(pending, carry_out);
    for (std::size_t i = lane.held_sums.size(); i-- > 0;) {
        const HeldSums& sums = lane.held_sums[i];
        if (sums.under_way) continue;
        std::memcpy(sums.sums, sums.values.data(), sums.values.size() * sizeof(u32));
        lane.held_sums.erase(lane.held_sums.begin() + std::ptrdiff_t(i));
    }
}

}  // namespace glass::host
