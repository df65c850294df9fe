// The host bodies of ldmatrix and mma: the last lane to arrive does the tile for all 32.
#pragma once

#include "convert.cuh"
#include "host_interface.hpp"

namespace glass::host {

struct MatrixLoad {
    u32* registers;
    const unsigned char* row;
};

template <int MATRICES, bool TRANSPOSED>
void load_matrices(void* const* operands, int lanes) {
    if (lanes != 32) fail("ldmatrix needs all 32 lanes of a warp");
    for (int matrix = 0; matrix < MATRICES; matrix++) {
        u16 tile[8][8];
        for (int row = 0; row < 8; row++) {
            __builtin_memcpy(tile[row], static_cast<MatrixLoad*>(operands[8 * matrix + row])->row, 16);
        }
        for (int lane = 0; lane < 32; lane++) {
            const int row = lane / 4, column = lane % 4 * 2;
            const u32 low = TRANSPOSED ? tile[column][row] : tile[row][column];
            const u32 high = TRANSPOSED ? tile[column + 1][row] : tile[row][column + 1];
            static_cast<MatrixLoad*>(operands[lane])->registers[matrix] = low | high << 16;
        }
    }
}

template <int MATRICES, bool TRANSPOSED>
void ldmatrix(u32* registers, const void* row, const char* name) {
    // Only the first 8 * MATRICES lanes' addresses are used; the others may hold anything.
    if (self().lane < 8 * MATRICES) check_shared(row, 16, 16, name);
    MatrixLoad operands = {registers, static_cast<const unsigned char*>(row)};
    collective(name, &operands, load_matrices<MATRICES, TRANSPOSED>);
}

// Element formats: how many share a 32-bit word, and what they widen to.
struct F16Elements {
    using Sum = f32;
    static constexpr int per_word = 2;
    static Sum element(u32 word, int i) { return f16_to_f32(u16(word >> (16 * i))); }
};
struct Bf16Elements {
    using Sum = f32;
    static constexpr int per_word = 2;
    static Sum element(u32 word, int i) { return bit_cast<f32>(i ? word & 0xffff0000u : word << 16); }
};
struct Tf32Elements {  // the tensor core ignores the low 13 bits
    using Sum = f32;
    static constexpr int per_word = 1;
    static Sum element(u32 word, int) { return bit_cast<f32>(word & 0xffffe000u); }
};
struct S8Elements {
    using Sum = i32;
    static constexpr int per_word = 4;
    static Sum element(u32 word, int i) { return i8(word >> (8 * i)); }
};

template <class Sum>
struct MmaOperands {
    Sum* d;
    const u32* a;
    const u32* b;
};

// Rows of B and D are vectors of eight, so the inner product step is a few vector instructions.
template <class Sum>
struct RowOf {
    typedef Sum type __attribute__((vector_size(32)));
};

template <class Elements>
void multiply_tile(void* const* operands, int lanes) {
    using Sum = typename Elements::Sum;
    using Row = typename RowOf<Sum>::type;
    constexpr int per_word = Elements::per_word, half = 4 * per_word, depth = 2 * half;
    if (lanes != 32) fail("mma needs all 32 lanes of a warp");
    Sum a[16][depth];
    Row b[depth], d[16];
    for (int lane = 0; lane < 32; lane++) {
        const auto& own = *static_cast<const MmaOperands<Sum>*>(operands[lane]);
        const int g = lane / 4, t = lane % 4;
        for (int i = 0; i < per_word; i++) {
            const int k = t * per_word + i;
            a[g][k] = Elements::element(own.a[0], i);
            a[g + 8][k] = Elements::element(own.a[1], i);
            a[g][k + half] = Elements::element(own.a[2], i);
            a[g + 8][k + half] = Elements::element(own.a[3], i);
            b[k][g] = Elements::element(own.b[0], i);
            b[k + half][g] = Elements::element(own.b[1], i);
        }
        d[g][2 * t] = own.d[0];
        d[g][2 * t + 1] = own.d[1];
        d[g + 8][2 * t] = own.d[2];
        d[g + 8][2 * t + 1] = own.d[3];
    }
    for (int row = 0; row < 16; row++) {
        Row sum = {};
        for (int k = 0; k < depth; k++) sum += a[row][k] * b[k];
        d[row] += sum;
    }
    for (int lane = 0; lane < 32; lane++) {
        Sum* own = static_cast<const MmaOperands<Sum>*>(operands[lane])->d;
        const int g = lane / 4, t = lane % 4;
        own[0] = d[g][2 * t];
        own[1] = d[g][2 * t + 1];
        own[2] = d[g + 8][2 * t];
        own[3] = d[g + 8][2 * t + 1];
    }
}

template <class Elements>
GLASS_DEVICE void mma(typename Elements::Sum* d, const u32* a, const u32* b, const char* name) {
    MmaOperands<typename Elements::Sum> operands = {d, a, b};
    collective(name, &operands, multiply_tile<Elements>);
}

}  // namespace glass::host
