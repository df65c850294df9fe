"""A contraction as an implicit GEMM, independent of any kernel.

    D[batch][m, n] = sum over k of A[batch][m, k] * B[batch][n, k]

For a convolution, m runs over images and output positions, n over the output channels of one group, and k
over window taps (outer) and the channels of a group (inner); the batch is the group. For a matrix product, m
and the batch are its own dimensions, with adjacent ones merged where strides allow. Every size may be
symbolic, except the taps of a convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ....dialects.core.affine import Dim, product
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.dtypes import DType
from ..divisors import divisor, power_of_two_in
from ..staging.staging import StagedOperand
from .axes import NO_WINDOW, BatchAxis, RowAxis, Window

COPY_BYTES = 16  # the widest vectorized access
CACHE_LINE = 128  # bytes
INT_LIMIT = 2**31 - 1
Size = tuple[str, int, int, int]  # a symbol with its minimum, optimum and maximum


@dataclass(frozen=True)
class Problem:
    """A contraction as kernels see it. Axes are outermost first; steps (strides) and offsets count elements.

    a, b, accumulate: the types of the operands as they are multiplied, and of the accumulators.
    channels: the elements of k per window tap. a_k_step, b_k_step, b_n_step: strides along k and n.
    row_axes, batch_axes, column_axis: the logical axes of the result that m, batch and n run over, by which
    an epilogue turns (batch, m, n) into an index of the result; for a convolution n is within the group.
    b_is_weight: no kernel writes B. sizes: (minimum, optimum, maximum) of every symbol. wide: offsets may
    overflow an int. a_memory: A's type in memory; a_computed: a prologue computes A from it. a_picked: where
    A's rows are gathered, each starts at a sum of multiples of these. result_bytes: what an epilogue moves to
    and from memory for each result. halves: B has twice N columns, and an epilogue reads both halves.
    """

    op: str
    a: DType
    b: DType
    accumulate: DType
    batch: tuple[BatchAxis, ...]
    rows: tuple[RowAxis, ...]
    n: Dim
    channels: Dim
    a_k_step: Dim
    b_k_step: Dim
    b_n_step: Dim
    a_offset: Dim
    b_offset: Dim
    row_axes: tuple[int, ...]
    batch_axes: tuple[int, ...]
    column_axis: int
    b_is_weight: bool = False
    sizes: tuple[Size, ...] = ()
    wide: bool = False
    a_memory: DType | None = None
    a_computed: bool = False
    a_picked: tuple[Dim, ...] = ()
    result_bytes: int = 2
    halves: bool = False

    @property
    def a_stored(self) -> DType:
        """The element type in which A lies in memory."""
        return self.a_memory or self.a

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows over the row axes; none for a matrix product."""
        return tuple(axis.window for axis in self.rows if axis.window is not None)

    @cached_property
    def taps(self) -> int:
        """The number of window taps; 1 for a matrix product."""
        count = 1
        for window in self.windows:
            count *= window.taps
        return count

    @cached_property
    def m(self) -> Dim:
        """Rows of the result, per batch entry."""
        return product(axis.extent for axis in self.rows)

    @cached_property
    def k(self) -> Dim:
        """The extent of the reduction."""
        return self.channels * self.taps

    @cached_property
    def batches(self) -> Dim:
        """The number of batch entries."""
        return product(axis.extent for axis in self.batch)

    @cached_property
    def optimum(self) -> dict[str, int]:
        """The size of every symbol that kernels are tuned for."""
        return {name: optimum for name, _, optimum, _ in self.sizes}

    def at_optimum(self, dim: Dim) -> int:
        """DIM at the sizes that kernels are tuned for; at least 1, since an empty kernel needs no tuning."""
        return max(evaluate(dim, self.optimum), 1)

    @cached_property
    def staged(self) -> tuple[StagedOperand, StagedOperand]:
        """A and B as their stagings see them, which every price of a configuration asks for."""
        a = StagedOperand(self.a, self.a_vector, self.a_computed)
        return a, StagedOperand(self.b, self.b_vector)

    @property
    def a_k_major(self) -> bool:
        """Whether A is staged K-major: True unless m is innermost in memory, as in a transposed A."""
        return not (
            self.a_k_step != 1 and len(self.rows) == 1 and not self.windows and self.rows[0].step == 1
        )

    @property
    def b_k_major(self) -> bool:
        """Whether B is staged K-major: True unless n is innermost in memory, as in a row-major [K, N]."""
        return not (self.b_k_step != 1 and self.b_n_step == 1)

    @cached_property
    def a_vector(self) -> int:
        """Elements of A that one aligned vectorized load may move: a power of two, at most 16 bytes."""
        length = self.channels if self.a_k_major else self.rows[0].extent
        return min(self.a_start, self._vector(self._a_widest, [length]))

    @cached_property
    def a_start(self) -> int:
        """Elements, at most 16 bytes, at a multiple of which every line of A begins; 1 if A has no lines."""
        steps = [self.a_offset, *self.a_picked, *(axis.a_step for axis in self.batch)]
        if not self.a_k_major:
            return self._vector(self._a_widest, [*steps, self.a_k_step])
        if self.a_k_step != 1:
            return 1
        for axis in self.rows:
            window = axis.window or NO_WINDOW
            steps += [axis.step * window.stride, axis.step * window.pad, axis.step * window.dilation]
        return self._vector(self._a_widest, steps)

    @cached_property
    def b_vector(self) -> int:
        """Elements of B that one aligned vectorized load may move: a power of two, at most 16 bytes."""
        return min(self.b_start, self._vector(self.b, [self.channels if self.b_k_major else self.n]))

    @cached_property
    def b_start(self) -> int:
        """Elements, at most 16 bytes, at a multiple of which every line of B begins; 1 if B has no lines."""
        steps = [self.b_offset, *(axis.b_step for axis in self.batch)]
        if not self.b_k_major:
            return self._vector(self.b, [*steps, self.b_k_step])
        if self.b_k_step != 1:
            return 1
        taps = [self.channels] if self.taps > 1 else []  # which lie one behind the other
        return self._vector(self.b, [*steps, self.b_n_step, *taps])

    @property
    def is_astride(self) -> bool:
        """Whether a window's taps are longer than a line of the cache and no multiple of it, so that most of
        what is read of them as a line begins within one and ends in the next."""
        length = self.channels
        if self.taps == 1 or not isinstance(length, int):
            return False
        return length * self.a.bytes > CACHE_LINE and length * self.a.bytes % CACHE_LINE != 0

    @property
    def _a_widest(self) -> DType:
        return max(self.a, self.a_stored, key=lambda dtype: dtype.bytes)

    @staticmethod
    def _vector(dtype: DType, steps: Sequence[Dim]) -> int:
        return power_of_two_in(divisor(*steps), COPY_BYTES // dtype.bytes)


def as_priced(problem: Problem) -> Problem:
    """PROBLEM with A's strides as short as its vectorized loads allow: no price depends on more of them.

    So the price of a tensor is that of its copy in a part of a longer buffer. An A that is not contiguous
    along k stays as it is.
    """
    if problem.a_k_step != 1:
        return problem
    step = problem.a_vector
    batch = tuple(replace(axis, a_step=step) for axis in problem.batch)
    rows = tuple(replace(axis, step=step) for axis in problem.rows)
    made = replace(problem, batch=batch, rows=rows, a_offset=0)
    return made if made.a_vector == step else problem
