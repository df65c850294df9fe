"""An order of B's columns in which a thread's accumulators are neighbours of a row of the result.

Of eight columns of a product by wgmma, a thread has two (`wgmma.cuh`): it would store pairs. But which
column of B a line of its tile holds is free. With vectors of V columns and tiles of N columns, line
2c + (2N / V) j + b holds column V c + 2 j + b; the accumulators of a thread are then whole vectors, which it
finishes and stores from its registers. A tensor map with a dimension each for b, c and j brings the lines in
that order.
"""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from ..contraction.problem import COPY_BYTES, Problem
from ..divisors import divisor, power_of_two_in
from .config import PersistentConfig
from .operands import BulkOperand

LANES = 4  # threads whose accumulators are those of a row
LEAST = 4  # columns of a vector
WIDEST = 1  # bytes of a result; wider ones gain nothing, since they are bound by memory


def vector_of(problem: Problem, config: PersistentConfig, out_bytes: int) -> int:
    """The columns of a vector: of 16 bytes of results, or as many as the tiles of CONFIG divide into; 1 where
    threads do not finish their own accumulators."""
    if out_bytes > WIDEST:
        return 1
    return power_of_two_in(gcd(divisor(problem.n), config.block_n // LANES), COPY_BYTES // out_bytes)


def interleaved(b: BulkOperand, config: PersistentConfig, vector: int) -> BulkOperand | None:
    """B with its columns in the order for vectors of VECTOR; None where no map brings them so."""
    columns, row = b.dims[-1], b.strides[-1]
    if vector < LEAST or not b.k_major or b.batch or not isinstance(columns, int) or columns % vector:
        return None
    deep = b.dims[0]
    if b.taps:
        together = b.strides[0] == deep * b.dtype.bytes and b.first == 0
        if not together or not isinstance(deep, int) or deep % config.block_k:
            return None
        deep = deep * b.dims[1]
    dims = (deep, 2, columns // vector, vector // 2)
    found = replace(b, dims=dims, strides=(row, row * vector, row * 2), taps=False, interleave=vector)
    return found if found.map(0, config.block_n).fault() is None else None
