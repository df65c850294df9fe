// The host bodies of wgmma. A product is carried out by the wait that covers it: then the tiles are read, and until
// then the accumulators hold ones bits, so that reads and writes that come too early show.
#pragma once

#include "host_interface.hpp"
#include "host_mma.hpp"

namespace glass::host {

inline bool is_swizzled(u64 tile) { return tile >> 62 != 0; }

// Bytes of a line of a swizzled tile, which are its swizzle's.
inline int line_bytes(u64 tile) { return 256 >> (tile >> 62); }

// The 16 bytes of a tile that lie `byte` after its first, with the swizzle undone.
inline const unsigned char* in_tile(u64 tile, int byte) {
    u64 address = ((tile & 0x3fff) << 4) + u64(byte);
    address ^= (address >> 7 & u64(line_bytes(tile) / 16 - 1)) << 4;
    return self().block->shared + address;
}

// Byte `byte` along k of row `line` of a tile that is not swizzled.
inline const unsigned char* in_rows(u64 tile, int line, int byte) {
    const u64 along_k = (tile >> 16 & 0x3fff) << 4, eight_rows = (tile >> 32 & 0x3fff) << 4;
    const u64 start = ((tile & 0x3fff) << 4) + u64(line % 8) * 16 + u64(line / 8) * eight_rows;
    return self().block->shared + start + u64(byte / 16) * along_k + u64(byte % 16);
}

// 32 bytes along k of row (column) `line`.
template <class Elements, bool K_MAJOR, int DEPTH>
void read_line(u64 tile, int line, typename Elements::Sum (&wide)[DEPTH]) {
    using Stored = typename Elements::Stored;
    const int slab = int(tile >> 16 & 0x3fff) << 4, eight_lines = int(tile >> 32 & 0x3fff) << 4;
    for (int k = 0; k < DEPTH; k++) {
        const int byte = (K_MAJOR ? k : line % 64) * int(sizeof(Stored));
        const int start = K_MAJOR ? line % 8 * line_bytes(tile) + line / 8 * eight_lines : line / 64 * slab + 128 * k;
        const unsigned char* const from = is_swizzled(tile) ? in_tile(tile, start + byte / 16 * 16) + byte % 16
                                                            : in_rows(tile, line, byte);
        Stored stored;
        __builtin_memcpy(&stored, from, sizeof(stored));
        wide[k] = Elements::widen(stored);
    }
}

// One warp's 16 rows `a`; `operands` are the products of its lanes.
template <class B, bool B_K_MAJOR, class Sum, int depth>
void multiply_rows(void* const* operands, const Sum (&a)[16][depth]) {
    const auto& first = *static_cast<const WarpgroupProduct*>(operands[0]);
    Sum b[depth], d[16];
    for (int column = 0; column < 2 * first.count; column++) {
        read_line<B, B_K_MAJOR>(first.b, column, b);
        for (int row = 0; row < 16; row++) {
            Sum sum = {};
            for (int k = 0; k < depth; k++) sum += a[row][k] * b[k];
            d[row] = sum;
        }
        const int i = column / 8 * 4 + column % 2, t = column % 8 / 2;
        for (int row = 0; row < 16; row++) {
            const auto& own = *static_cast<const WarpgroupProduct*>(operands[row % 8 * 4 + t]);
            Sum& sum = static_cast<Sum*>(own.sums)[i + row / 8 * 2];
            sum = own.add ? sum + d[row] : d[row];
        }
    }
}

template <class A, class B, bool A_K_MAJOR, bool B_K_MAJOR>
void multiply_warp(void* const* operands, int lanes) {
    if (lanes != 32) fail("wgmma needs all 32 lanes of a warp");
    const auto& first = *static_cast<const WarpgroupProduct*>(operands[0]);
    typename A::Sum a[16][32 / sizeof(typename A::Stored)];
    for (int row = 0; row < 16; row++) read_line<A, A_K_MAJOR>(first.a, self().warp % 4 * 16 + row, a[row]);
    multiply_rows<B, B_K_MAJOR>(operands, a);
}

template <class A, class B, bool B_K_MAJOR>
void multiply_fragments(void* const* operands, int lanes) {
    if (lanes != 32) fail("wgmma needs all 32 lanes of a warp");
    u32 words[16][8];
    for (int lane = 0; lane < 32; lane++) {
        const auto& own = *static_cast<const WarpgroupProduct*>(operands[lane]);
        for (int i = 0; i < 4; i++) words[lane / 4 + i % 2 * 8][lane % 4 + i / 2 * 4] = own.fragment[i];
    }
    typename A::Sum a[16][32 / sizeof(typename A::Stored)];
    widen_rows<A>(words, a);
    multiply_rows<B, B_K_MAJOR>(operands, a);
}

template <class A, class B, bool B_K_MAJOR = true>
GLASS_DEVICE void wgmma_of_registers(typename A::Sum* d, int count, const u32 (&a)[4], u64 b, bool add) {
    wgmma_issue({d, count, 0, b, add, multiply_fragments<A, B, B_K_MAJOR>, {a[0], a[1], a[2], a[3]}});
}

template <class A, class B, bool A_K_MAJOR, bool B_K_MAJOR>
GLASS_DEVICE void wgmma(typename A::Sum* d, int count, u64 a, u64 b, bool add) {
    wgmma_issue({d, count, a, b, add, multiply_warp<A, B, A_K_MAJOR, B_K_MAJOR>});
}

}  // namespace glass::host
