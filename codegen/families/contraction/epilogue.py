"""From accumulators to stored results: what the epilogue's templates are given, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from ...arch.spec import ContractionFit
from ...emit.early_reads import StructCode
from ...text.render import Code, Identifier
from .problem import COPY_BYTES
from .tile import SUMS_PADDING, Tiling
from .work import Work

MOST_AHEAD = 8
AHEAD_BYTES = 256  # of a thread's registers


@dataclass(frozen=True)
class EpilogueSpec:
    """How `threads` threads finish a tile of block_m rows of `columns` vectors of accumulators.

    The accumulators are staged in shared memory, once for each of `groups`, in rows `pitch` apart, and in
    the workspace where k is split. `code` makes results of `vector` of them, with the fields of `beside`,
    read for every row, and `along`, the same for all rows. `m_checked` and `n_checked` say whether the tile
    may reach past the result.
    """

    accumulate: Identifier
    vector: int
    block_m: int
    columns: int
    threads: int
    splits: int
    groups: int
    pitch: int
    m_checked: bool
    n_checked: bool
    code: Code
    beside: StructCode | None
    along: StructCode | None

    @property
    def rows_at_a_time(self) -> int:
        """Rows of the tile that the threads finish side by side; 0 when they do not share them evenly."""
        return 0 if self.threads % self.columns else self.threads // self.columns

    @property
    def rows_ahead(self) -> int:
        """Rows that a thread reads the epilogue operands of before it finishes the first of them."""
        if not self.rows_at_a_time or self.block_m % self.rows_at_a_time or self.beside is None:
            return 0
        ahead, passes = 1, self.block_m // self.rows_at_a_time
        while (
            ahead < MOST_AHEAD and passes % (2 * ahead) == 0 and 2 * ahead * self.beside.bytes <= AHEAD_BYTES
        ):
            ahead *= 2
        return ahead

    @property
    def quad(self) -> int:
        """Sums that a thread reads from shared memory at a time: 16 bytes, or all of its vector."""
        return min(self.vector, COPY_BYTES // accumulator_bytes(self.accumulate))

    @property
    def sums_bytes(self) -> int:
        """Shared memory of the staged sums."""
        return self.groups * self.block_m * self.pitch * accumulator_bytes(self.accumulate)


def sums_pitch(tiling: Tiling) -> int:
    """Accumulators from row to row of the staged tile."""
    return tiling.block_n + SUMS_PADDING


def accumulator_bytes(c_type: str) -> int:
    """Bytes of a sum, by its C type."""
    return 8 if c_type in ("f64", "i64", "u64") else 4


# ---------------------------------------------------------------- cost


def staged_cycles(work: Work, shared_bytes: float) -> float:
    """Cycles of shared memory for the sums of a block: written once for each k group, and read."""
    return work.sum_bytes * (1 + work.groups) / shared_bytes


def partial_cycles(work: Work, constants: ContractionFit) -> float:
    """Cycles of the L2 cache for the partial sums of a block; none unless k is split."""
    return work.sum_bytes * 2 / constants.l2_bytes if work.tiling.splits > 1 else 0.0


def finish_latency(work: Work, constants: ContractionFit) -> float:
    """Cycles from a thread's sums to its results in memory."""
    return work.sum_bytes / work.tiling.threads * constants.finish


def split_latency(work: Work, constants: ContractionFit) -> float:
    """Cycles until the last block of a tile has added the partial sums; none unless k is split."""
    if work.tiling.splits == 1:
        return 0.0
    return constants.split + work.sum_bytes * (work.tiling.splits + 1) / constants.l2_bytes
