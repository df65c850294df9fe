"""LowRankFusion of the domain example.ops: two inputs joined by a bilinear form of low rank, in one kernel.

z = (tanh(x U) * tanh(q V)) P, as in Kim et al., "Hadamard Product for Low-rank Bilinear Pooling" (2017),
where x are features of an image and q those of a question. Three products, and what is between them never
leaves the multiprocessor: the low-rank factors are too small to be worth a trip to memory.

Of 16-bit floats the products run on tensor cores (mma.sync), with operands that cp.async brings to shared
memory; of 32-bit floats on the scalar units, each thread with a tile of 8 x 8 sums.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from glassrt import custom

RANKS = (64, 128)  # whose sums fit the registers
HALF_ROWS, HALF_STEP, HALF_STAGES, HALF_PAD = 128, 32, 3, 8
COLUMNS = 64  # of the result, that a block of 16-bit floats computes at a time
FLOAT_ROWS, FLOAT_STEP_ELEMENTS, FLOAT_PAD = 128, 1024, 4
THREADS = 256

HALF_FUNCTIONS = """
constexpr int TILES = RANK / 8;                       // of 8 columns, that a warp multiplies its 16 rows with
constexpr int A_PITCH = STEP + PAD;                   // elements of a row in shared memory: no bank conflicts
constexpr int B_PITCH = RANK + PAD;
constexpr int STAGE = ROWS * A_PITCH + STEP * B_PITCH;
constexpr int P_PITCH = COLUMNS + PAD;
using Sums = f32[TILES][4];

// The rows of a block: from the first on, of as many as there are.
struct Rows {
    i64 first, count;
};

// Starts the copies of one step of k: ROWS x STEP of a, and STEP x RANK of b.
GLASS_DEVICE void copy_step(f16* to, Input<f16> a, Input<f16> b, const Rows rows, const int k) {
    for (int i = thread_x(); i < ROWS * STEP / 8; i += THREADS) {
        const int row = i / (STEP / 8), column = i % (STEP / 8) * 8;
        const i64 from = rows.first + row;
        cp_async<16>(to + row * A_PITCH + column, a, from * DEPTH + k + column, from < rows.count);
    }
    for (int i = thread_x(); i < STEP * RANK / 8; i += THREADS) {
        const int row = i / (RANK / 8), column = i % (RANK / 8) * 8;
        cp_async<16>(to + ROWS * A_PITCH + row * B_PITCH + column, b, i64(k + row) * RANK + column, true);
    }
}

// d[n] += the 16 x 16 tile LEFT times the rows of b at RIGHT, columns 8 n to 8 n + 7.
template <int COUNT>
GLASS_DEVICE void multiply_step(f32 (&d)[COUNT][4], const u32 (&left)[4], const f16* right, const int pitch) {
    GLASS_UNROLL
    for (int n = 0; n < COUNT; n += 2) {
        u32 pair[4];
        ldmatrix_x4_trans(pair, right + lane_id() % 16 * pitch + n * 8 + lane_id() / 16 * 8);
        const u32 even[2] = {pair[0], pair[1]};
        const u32 odd[2] = {pair[2], pair[3]};
        mma_m16n8k16(d[n], left, even, f16{});
        mma_m16n8k16(d[n + 1], left, odd, f16{});
    }
}

// d = the 16 rows of a that this warp has, times b.
GLASS_DEVICE void multiply(Sums& d, f16* shared, Input<f16> a, Input<f16> b, const Rows rows) {
    GLASS_UNROLL
    for (int n = 0; n < TILES; n++) {
        for (int i = 0; i < 4; i++) d[n][i] = 0.0f;
    }
    for (int stage = 0; stage < STAGES - 1; stage++) {
        if (stage * STEP < DEPTH) copy_step(shared + stage * STAGE, a, b, rows, stage * STEP);
        cp_async_commit();
    }
    for (int k = 0; k < DEPTH / STEP; k++) {
        cp_async_wait<STAGES - 2>();
        sync_threads();
        const int next = k + STAGES - 1;
        if (next * STEP < DEPTH) copy_step(shared + next % STAGES * STAGE, a, b, rows, next * STEP);
        cp_async_commit();
        const f16* const tile = shared + k % STAGES * STAGE;
        for (int step = 0; step < STEP; step += 16) {
            u32 left[4];
            const int row = warp_id() * 16 + lane_id() % 16;
            ldmatrix_x4(left, tile + row * A_PITCH + step + lane_id() / 16 * 8);
            multiply_step(d, left, tile + ROWS * A_PITCH + step * B_PITCH, B_PITCH);
        }
    }
    cp_async_wait<0>();
    sync_threads();
}

// Starts the copy of RANK x COLUMNS of p, from COLUMN on.
GLASS_DEVICE void copy_columns(f16* to, Input<f16> p, const int column) {
    for (int i = thread_x(); i < RANK * COLUMNS / 8; i += THREADS) {
        const int row = i / (COLUMNS / 8), inner = i % (COLUMNS / 8) * 8;
        cp_async<16>(to + row * P_PITCH + inner, p, i64(row) * WIDTH + column + inner, true);
    }
}

GLASS_DEVICE f32 low_half(const u32 pair) { return convert<f32>(f16{u16(pair & 0xffffu)}); }
GLASS_DEVICE f32 high_half(const u32 pair) { return convert<f32>(f16{u16(pair >> 16)}); }
"""

HALF_BODY = """
GLASS_DYNAMIC_SHARED(bytes);
f16* const shared = reinterpret_cast<f16*>(bytes);
const Rows own = {i64(block) * ROWS, rows};
Sums sums;

// Both factors, rounded to pairs of f16. The sums of a product lie in registers as the left operand of the
// next one has to: z[n][i] are the four words of step n.
u32 z[TILES / 2][4];
multiply(sums, shared, x, u, own);
GLASS_UNROLL
for (int n = 0; n < TILES; n++) {
    for (int half = 0; half < 2; half++) {
        const f32 low = m_tanh(sums[n][half * 2]), high = m_tanh(sums[n][half * 2 + 1]);
        z[n / 2][n % 2 * 2 + half] = pack_pair(low, high, f16{});
    }
}
multiply(sums, shared, q, v, own);
GLASS_UNROLL
for (int n = 0; n < TILES; n++) {
    for (int half = 0; half < 2; half++) {
        u32& pair = z[n / 2][n % 2 * 2 + half];
        const f32 low = low_half(pair) * m_tanh(sums[n][half * 2]);
        pair = pack_pair(low, high_half(pair) * m_tanh(sums[n][half * 2 + 1]), f16{});
    }
}

copy_columns(shared, p, 0);
cp_async_commit();
for (int column = 0; column < WIDTH; column += COLUMNS) {
    const int turn = column / COLUMNS % 2;
    cp_async_wait<0>();
    sync_threads();
    if (column + COLUMNS < WIDTH) copy_columns(shared + (1 - turn) * RANK * P_PITCH, p, column + COLUMNS);
    cp_async_commit();
    f32 out[COLUMNS / 8][4] = {};
    GLASS_UNROLL
    for (int n = 0; n < TILES / 2; n++) {
        multiply_step(out, z[n], shared + turn * RANK * P_PITCH + n * 16 * P_PITCH, P_PITCH);
    }
    for (int half = 0; half < 2; half++) {
        const i64 row = own.first + warp_id() * 16 + half * 8 + lane_id() / 4;
        if (row >= rows) continue;
        GLASS_UNROLL
        for (int n = 0; n < COLUMNS / 8; n++) {
            const u32 pair = pack_pair(out[n][half * 2], out[n][half * 2 + 1], f16{});
            store_vec<2>(y, row * WIDTH + column + n * 8 + lane_id() % 4 * 2, bit_cast<Vec<f16, 2>>(pair));
        }
    }
}
"""

FLOAT_FUNCTIONS = """
constexpr int WIDE = RANK / 64;              // words of 4 columns that a thread has in each row
constexpr int A_PITCH = ROWS + PAD;          // the left operand lies k by k: a thread reads 4 rows at once
constexpr int B_PITCH = RANK + PAD;
constexpr int A_WORDS = ROWS * STEP / 4 / THREADS;
constexpr int B_WORDS = STEP * RANK / 4 / THREADS;
using Word = Vec<f32, 4>;
using Sums = f32[8][WIDE * 4];

// The rows of a block: from the first on, of as many as there are.
struct Rows {
    i64 first, count;
};

GLASS_DEVICE const Word& word_at(const f32* p) { return *reinterpret_cast<const Word*>(p); }

// A thread computes rows 4 a to 4 a + 3 of both halves, with a = thread / 16, and columns 4 b to 4 b + 3 of
// every 64, with b = thread % 16.
GLASS_DEVICE void multiply_step(Sums& d, const f32* left, const f32* right) {
    Word rows[2], columns[WIDE];
    for (int i = 0; i < 2; i++) rows[i] = word_at(left + thread_x() / 16 * 4 + i * 64);
    for (int j = 0; j < WIDE; j++) columns[j] = word_at(right + thread_x() % 16 * 4 + j * 64);
    GLASS_UNROLL
    for (int i = 0; i < 8; i++) {
        GLASS_UNROLL
        for (int j = 0; j < WIDE * 4; j++) {
            d[i][j] = m_fma(rows[i / 4][i % 4], columns[j / 4][j % 4], d[i][j]);
        }
    }
}

GLASS_DEVICE void clear(Sums& d) {
    GLASS_UNROLL
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < WIDE * 4; j++) d[i][j] = 0.0f;
    }
}

// STEP x RANK of the matrix b, which has so many columns, on their way to shared memory.
GLASS_DEVICE void read_right(Word (&to)[B_WORDS], Input<f32> b, int columns, int k, int column) {
    for (int w = 0; w < B_WORDS; w++) {
        const int i = thread_x() + w * THREADS;
        to[w] = load_vec<4>(b, i64(k + i / (RANK / 4)) * columns + column + i % (RANK / 4) * 4);
    }
}

GLASS_DEVICE void write_right(const Word (&words)[B_WORDS], f32* to) {
    for (int w = 0; w < B_WORDS; w++) {
        const int i = thread_x() + w * THREADS;
        *reinterpret_cast<Word*>(to + i / (RANK / 4) * B_PITCH + i % (RANK / 4) * 4) = words[w];
    }
}

// ROWS x STEP of a; zeros beyond the last row.
GLASS_DEVICE void read_left(Word (&words)[A_WORDS], Input<f32> a, const Rows rows, const int k) {
    for (int w = 0; w < A_WORDS; w++) {
        const int i = thread_x() + w * THREADS;
        const i64 row = rows.first + i % ROWS;
        if (row < rows.count) {
            words[w] = load_vec<4>(a, row * DEPTH + k + i / ROWS * 4);
        } else {
            words[w] = Word{};
        }
    }
}

GLASS_DEVICE void write_left(const Word (&words)[A_WORDS], f32* to) {
    for (int w = 0; w < A_WORDS; w++) {
        const int i = thread_x() + w * THREADS;
        for (int e = 0; e < 4; e++) to[(i / ROWS * 4 + e) * A_PITCH + i % ROWS] = words[w][e];
    }
}

// d = ROWS x DEPTH of a times b. What comes next is read from memory while a step is multiplied.
GLASS_DEVICE void multiply(Sums& d, f32* left, f32* right, Input<f32> a, Input<f32> b, const Rows rows) {
    Word a_words[A_WORDS], b_words[B_WORDS];
    clear(d);
    read_left(a_words, a, rows, 0);
    read_right(b_words, b, RANK, 0, 0);
    for (int k = 0; k < DEPTH; k += STEP) {
        sync_threads();
        write_left(a_words, left);
        write_right(b_words, right);
        sync_threads();
        if (k + STEP < DEPTH) {
            read_left(a_words, a, rows, k + STEP);
            read_right(b_words, b, RANK, k + STEP, 0);
        }
        GLASS_UNROLL
        for (int s = 0; s < STEP; s++) multiply_step(d, left + s * A_PITCH, right + s * B_PITCH);
    }
}

GLASS_DEVICE int row_of(const int i) { return i / 4 * 64 + thread_x() / 16 * 4 + i % 4; }
GLASS_DEVICE int column_of(const int j) { return j / 4 * 64 + thread_x() % 16 * 4 + j % 4; }
"""

FLOAT_BODY = """
GLASS_DYNAMIC_SHARED(bytes);
f32* const left = reinterpret_cast<f32*>(bytes);
f32* const right = left + STEP * A_PITCH;
f32* const z = right + STEP * B_PITCH;  // both factors multiplied, column by column
const Rows own = {i64(block) * ROWS, rows};
Sums sums;

multiply(sums, left, right, x, u, own);
GLASS_UNROLL
for (int i = 0; i < 8; i++) {
    for (int j = 0; j < WIDE * 4; j++) z[column_of(j) * A_PITCH + row_of(i)] = m_tanh(sums[i][j]);
}
multiply(sums, left, right, q, v, own);
GLASS_UNROLL
for (int i = 0; i < 8; i++) {
    for (int j = 0; j < WIDE * 4; j++) {
        f32& product = z[column_of(j) * A_PITCH + row_of(i)];
        product = product * m_tanh(sums[i][j]);
    }
}

for (int column = 0; column < WIDTH; column += RANK) {
    Word words[B_WORDS];
    clear(sums);
    read_right(words, p, WIDTH, 0, column);
    for (int k = 0; k < RANK; k += STEP) {
        sync_threads();
        write_right(words, right);
        sync_threads();
        if (k + STEP < RANK) read_right(words, p, WIDTH, k + STEP, column);
        GLASS_UNROLL
        for (int step = 0; step < STEP; step++) {
            multiply_step(sums, z + (k + step) * A_PITCH, right + step * B_PITCH);
        }
    }
    for (int i = 0; i < 8; i++) {
        const i64 row = own.first + row_of(i);
        if (row >= rows) continue;
        GLASS_UNROLL
        for (int j = 0; j < WIDE; j++) {
            Word word;
            for (int e = 0; e < 4; e++) word[e] = sums[i][j * 4 + e];
            store_vec<4>(y, row * WIDTH + column + column_of(j * 4), word);
        }
    }
}
"""


@custom.op("example.ops::LowRankFusion")
class LowRankFusion(custom.CudaOp):
    """y = (tanh(x u) * tanh(q v)) p, with x and q [.., depth], u and v [depth, rank] and p [rank, width].

    The rank is 64 or 128, the depth a multiple of 32, the width one of the rank.
    """

    x = custom.operand()
    q = custom.operand()
    u = custom.operand()
    v = custom.operand()
    p = custom.operand()
    y = custom.result()
    floats = (custom.F32, custom.F16)

    def result_type(self) -> custom.TensorType:
        (depth, rank), (_, width) = self.u.type.shape, self.p.type.shape
        if self.x.type != self.q.type or self.x.type.shape[-1] != depth:
            raise ValueError(f"x and q of {self.x.type} and {self.q.type} for weights of depth {depth}")
        if self.v.type != self.u.type or self.p.type.shape[0] != rank:
            raise ValueError(f"weights of {self.u.type}, {self.v.type} and {self.p.type}")
        sizes = isinstance(depth, int) and isinstance(width, int)
        if rank not in RANKS or not sizes or depth % HALF_STEP or width % rank:
            raise ValueError(f"depth {depth}, rank {rank} and width {width} do not fit its kernel")
        return self.x.type.with_shape((*self.x.type.shape[:-1], width))

    def compute(self, x: Any, q: Any, u: Any, v: Any, p: Any) -> Any:
        return np.matmul(np.tanh(np.matmul(x, u)) * np.tanh(np.matmul(q, v)), p)

    def flops(self) -> Any:
        (depth, rank), (_, width) = self.u.type.shape, self.p.type.shape
        return 2 * self._rows * rank * (2 * depth + width)

    def tolerance(self) -> float:
        """Sums of `depth` and then of `rank` products, in f32; on tensor cores both factors are rounded."""
        depth, rank = self.u.type.shape
        sums = 4 * math.sqrt(depth + rank) * 2**-24
        return sums + (4 * 2**-11 if self.x.type.dtype == custom.F16 else 0)

    @property
    def _rows(self) -> Any:
        return math.prod(self.x.type.shape[:-1])

    def cuda(self) -> custom.CudaBody:
        (depth, rank), (_, width) = self.u.type.shape, self.p.type.shape
        half = self.x.type.dtype == custom.F16
        constants = {"DEPTH": depth, "RANK": rank, "WIDTH": width, "THREADS": THREADS}
        if half:
            more = {"ROWS": HALF_ROWS, "STEP": HALF_STEP, "STAGES": HALF_STAGES, "PAD": HALF_PAD}
            constants |= more | {"COLUMNS": COLUMNS}
            stage = HALF_ROWS * (HALF_STEP + HALF_PAD) + HALF_STEP * (rank + HALF_PAD)
            shared = 2 * max(HALF_STAGES * stage, 2 * rank * (COLUMNS + HALF_PAD))
        else:
            step = FLOAT_STEP_ELEMENTS // rank
            constants |= {"ROWS": FLOAT_ROWS, "STEP": step, "PAD": FLOAT_PAD}
            shared = 4 * ((step + rank) * (FLOAT_ROWS + FLOAT_PAD) + step * (rank + FLOAT_PAD))
        return custom.CudaBody(
            HALF_BODY if half else FLOAT_BODY,
            blocks=custom.ceildiv(self._rows, HALF_ROWS if half else FLOAT_ROWS),
            threads=THREADS,
            shared=shared,
            resident=2,
            functions=HALF_FUNCTIONS if half else FLOAT_FUNCTIONS,
            constants=constants,
            sizes={"rows": self._rows},
        )
