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

// Element formats: how they are stored, and what they widen to.
struct F16Elements {
    using Sum = f32;
    using Stored = u16;
    static Sum widen(Stored bits) { return f16_to_f32(bits); }
};
struct Bf16Elements {
    using Sum = f32;
    using Stored = u16;
    static Sum widen(Stored bits) { return bit_cast<f32>(u32(bits) << 16); }
};
struct Tf32Elements {  // the tensor core ignores the low 13 bits
    using Sum = f32;
    using Stored = u32;
    static Sum widen(Stored bits) { return bit_cast<f32>(bits & 0xffffe000u); }
};
struct S8Elements {
    using Sum = i32;
    using Stored = i8;
    static Sum widen(Stored value) { return value; }
};
struct U8Elements {
    using Sum = i32;
    using Stored = u8;
    static Sum widen(Stored value) { return value; }
};
struct E5m2Elements {
    using Sum = f32;
    using Stored = u8;
    static Sum widen(Stored bits) { return f16_to_f32(u16(bits << 8)); }
};
struct E4m3Elements {
    using Sum = f32;
    using Stored = u8;
    static Sum widen(Stored bits) { return f8e4m3_to_f32(bits); }
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

// ROWS rows of eight words each: a plain loop over the elements, which compilers turn into vectors.
template <class Elements, int ROWS, int DEPTH>
void widen_rows(const u32 (&words)[ROWS][8], typename Elements::Sum (&wide)[ROWS][DEPTH]) {
    static_assert(sizeof(words) == sizeof(typename Elements::Stored) * ROWS * DEPTH, "the words hold the elements");
    typename Elements::Stored stored[ROWS * DEPTH];
    __builtin_memcpy(stored, words, sizeof(stored));
    typename Elements::Sum* const out = &wide[0][0];
    for (int i = 0; i < ROWS * DEPTH; i++) out[i] = Elements::widen(stored[i]);
}

template <class A, class B>
void multiply_tile(void* const* operands, int lanes) {
    using Sum = typename A::Sum;
    using Row = typename RowOf<Sum>::type;
    constexpr int depth = 32 / sizeof(typename A::Stored);
    if (lanes != 32) fail("mma needs all 32 lanes of a warp");
    u32 a_words[16][8], b_words[8][8];
    Row d[16];
    for (int lane = 0; lane < 32; lane++) {
        const auto& own = *static_cast<const MmaOperands<Sum>*>(operands[lane]);
        const int g = lane / 4, t = lane % 4;
        a_words[g][t] = own.a[0];
        a_words[g + 8][t] = own.a[1];
        a_words[g][t + 4] = own.a[2];
        a_words[g + 8][t + 4] = own.a[3];
        b_words[g][t] = own.b[0];
        b_words[g][t + 4] = own.b[1];
        for (int i = 0; i < 4; i++) d[g + i / 2 * 8][2 * t + i % 2] = own.d[i];
    }
    Sum a[16][depth], b_columns[8][depth];
    widen_rows<A>(a_words, a);
    widen_rows<B>(b_words, b_columns);
    Row b[depth];
    for (int k = 0; k < depth; k++) {
        for (int column = 0; column < 8; column++) b[k][column] = b_columns[column][k];
    }
    for (int row = 0; row < 16; row++) {
        Row sum = {};
        for (int k = 0; k < depth; k++) sum += a[row][k] * b[k];
        d[row] += sum;
    }
    for (int lane = 0; lane < 32; lane++) {
        Sum* own = static_cast<const MmaOperands<Sum>*>(operands[lane])->d;
        const int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; i++) own[i] = d[g + i / 2 * 8][2 * t + i % 2];
    }
}

template <class A, class B = A>
GLASS_DEVICE void mma(typename A::Sum* d, const u32* a, const u32* b, const char* name) {
    MmaOperands<typename A::Sum> operands = {d, a, b};
    collective(name, &operands, multiply_tile<A, B>);
}

}  // namespace glass::host
