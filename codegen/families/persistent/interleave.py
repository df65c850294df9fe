"""An order of B's columns in which a thread's accumulators are neighbours of a row of the result.

Of eight columns of a product by wgmma, a thread has two (`wgmma.cuh`): it would finish pairs. But which
column of B a line of its tile holds is free. With runs of R columns and tiles of N columns, line
(2N / R) j + q holds column (R / 2) q + j, as if half runs were transposed; the two half runs of a thread are
then a run. A tensor map with a dimension each for q and j brings the lines in that order; taps are one
dimension with their channels, unless the last line of a tap ends with zeros.
"""

from __future__ import annotations

from dataclasses import replace

from ....dialects.core.affine import Dim
from ..contraction.problem import COPY_BYTES
from .operands import BulkOperand
from .results import LANES, BulkResults

LEAST = 4  # columns of a run


def run_of(results: BulkResults, own_n: int) -> int:
    """The columns of a row of a chunk of RESULTS, of which a block finishes OWN_N columns, that a thread
    finishes: a fourth, so that the vectors of eight threads, of two rows, lie in different banks."""
    return results.chunk(own_n) // LANES


def vector_of(results: BulkResults, own_n: int) -> int:
    """The columns that a thread finishes at a time: 16 bytes, or its run if that is shorter."""
    return min(COPY_BYTES // results.result.dtype.bytes, run_of(results, own_n))


def interleaved(b: BulkOperand, block_n: int, run: int) -> BulkOperand | None:
    """B with the columns of tiles of BLOCK_N in the order for runs of RUN columns; None where no map brings
    them so."""
    columns, row, deep = b.dims[-1], b.strides[-1], b.dims[0]
    if run < LEAST or not b.k_major or b.batch or not isinstance(columns, int) or columns % run:
        return None
    taps: tuple[Dim, ...] = ()  # the size of a dimension of their own, and its step
    if b.taps:
        if not isinstance(deep, int) or b.first:
            return None
        own = deep * b.dtype.bytes
        if b.strides[0] == own and own % b.line == 0:
            deep = deep * b.dims[1]
        else:
            taps = (b.dims[1], b.strides[0])
    half = run // 2
    dims, strides = (deep, *taps[:1], columns // half, half), (*taps[1:], row * half, row)
    found = replace(b, dims=dims, strides=strides, taps=bool(taps), interleave=run)
    return found if found.map(0, block_n).fault() is None else None
