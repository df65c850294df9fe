"""The epilogue of a contraction, from accumulators to stored results: its spec and its cost."""

from __future__ import annotations

from dataclasses import dataclass

from ...arch.fitted import ContractionFit
from ...emit.early_reads import StructCode
from ...text.render import Code, Identifier
from .problem import COPY_BYTES
from .tile import EXCHANGE_BARRIER, SUMS_PADDING, Tiling
from .work import Work

MOST_PREFETCHED = 8  # rows whose epilogue operands a thread prefetches
PREFETCH_BYTES = 256  # register budget of a thread for prefetched epilogue operands
# The most accumulators of a thread that has registers for epilogue operands while it multiplies.
SPARING = 32


@dataclass(frozen=True)
class EpilogueSpec:
    """The spec of an epilogue: how `threads` threads turn a tile of accumulators into stored results.

    The tile has `block_m` rows of `columns` vectors of `vector` accumulators. It is staged in shared memory
    with `pitch` accumulators from row to row, once for each of the `groups` that split a k tile among
    themselves; with split-K, in the workspace too, or in the shared memory of a `cluster` of blocks, of which
    each finishes a part of the rows. `code` computes and stores the results of one vector. It
    uses prefetched operands: the fields of `beside`, which differ from row to row, and of `along`, which all
    rows share. `halves`: the tile has columns of two halves of the product, so many vectors each, and an
    epilogue reads an accumulator of both. `m_checked` and `n_checked` say whether stores need an in-bounds
    predicate. `repeated`: a block finishes several tiles, one after another.
    """

    accumulate: Identifier
    vector: int
    block_m: int
    columns: int
    threads: int
    splits: int
    cluster: int
    groups: int
    pitch: int
    m_checked: bool
    n_checked: bool
    code: Code
    beside: StructCode | None
    along: StructCode | None
    halves: bool = False
    repeated: bool = False

    @property
    def staged_columns(self) -> int:
        """Columns of accumulators in the tile."""
        return self.columns * self.vector * (2 if self.halves else 1)

    @property
    def rows(self) -> int:
        """Rows of the tile that the block finishes."""
        return self.block_m // self.cluster

    @property
    def unsummed(self) -> int:
        """The sums that are staged for each accumulator when a thread loads it to finish it."""
        return self.groups if self.cluster == 1 else self.cluster

    @property
    def rows_at_a_time(self) -> int:
        """Rows of the tile that the threads handle in one pass; 0 when rows do not divide evenly."""
        return 0 if self.threads % self.columns else self.threads // self.columns

    @property
    def passes(self) -> int:
        """The most rows that a thread handles; 0 when rows do not divide evenly."""
        return -(-self.rows // self.rows_at_a_time) if self.rows_at_a_time else 0

    @property
    def rows_ahead(self) -> int:
        """The prefetch distance: rows whose epilogue operands a thread loads before it handles the first."""
        if not self.rows_at_a_time or self.beside is None:
            return 0
        if self.passes == 1:
            return 1
        if self.rows % self.rows_at_a_time:
            return 0
        ahead, passes = 1, self.rows // self.rows_at_a_time
        while (
            ahead < MOST_PREFETCHED
            and passes % (2 * ahead) == 0
            and 2 * ahead * self.beside.bytes <= PREFETCH_BYTES
        ):
            ahead *= 2
        return ahead

    @property
    def sparing(self) -> bool:
        """Whether a thread has registers for epilogue operands while it multiplies."""
        accumulators = self.groups * self.block_m * self.columns * self.vector // self.threads
        return not self.repeated and self.rows_at_a_time > 0 and accumulators <= SPARING

    @property
    def along_ahead(self) -> bool:
        """Whether a thread loads the operands that all rows share before the wait for earlier kernels.

        No kernel writes them, so their latency, from memory at batch 1, overlaps that of the kernel before.
        """
        return self.along is not None and self.along.constant and self.sparing

    @property
    def beside_ahead(self) -> bool:
        """Whether a thread loads those of its only row before the products."""
        return self.beside is not None and self.passes == 1 and self.sparing

    @property
    def placed_ahead(self) -> bool:
        """Whether a thread computes which results it finishes before the products."""
        return self.along_ahead or self.beside_ahead

    @property
    def quad(self) -> int:
        """Accumulators that a thread loads from shared memory at a time: 16 bytes, or its whole vector."""
        return min(self.vector, COPY_BYTES // accumulator_bytes(self.accumulate))

    @property
    def sums_bytes(self) -> int:
        """Shared memory of the staged accumulators, in bytes."""
        return self.groups * self.block_m * self.pitch * accumulator_bytes(self.accumulate)

    @property
    def exchange_bytes(self) -> int:
        """Shared memory for the sums that the blocks of a cluster send, and their barrier; 0 without one."""
        one = self.block_m * self.pitch * accumulator_bytes(self.accumulate)
        return EXCHANGE_BARRIER + one if self.cluster > 1 else 0

    @property
    def sent_bytes(self) -> int:
        """Bytes that the blocks of a cluster send each block: all sums of its rows."""
        return self.block_m * self.staged_columns * accumulator_bytes(self.accumulate)


def sums_pitch(tiling: Tiling) -> int:
    """The pitch of the staged tile: accumulators from row to row."""
    return tiling.block_n + SUMS_PADDING


def accumulator_bytes(c_type: str) -> int:
    """Bytes of an accumulator, by its C type."""
    return 8 if c_type in ("f64", "i64", "u64") else 4


# ---------------------------------------------------------------- cost


def staged_cycles(work: Work, bandwidth: float) -> float:
    """Cycles of shared memory of BANDWIDTH, in bytes per clock, for staging a block's accumulators: one write
    per k group, one read."""
    return work.accumulator_bytes * (1 + work.groups) / bandwidth


def partial_cycles(work: Work, constants: ContractionFit) -> float:
    """Cycles of the L2 cache for a block's partial sums, with split-K through a workspace; else 0."""
    tiling = work.tiling
    through_cache = tiling.splits > 1 and not tiling.clustered
    return work.accumulator_bytes * 2 / constants.l2_bandwidth if through_cache else 0.0


def finish_latency(work: Work, constants: ContractionFit) -> float:
    """Cycles of a thread's epilogue: from its accumulators to its results in memory."""
    return work.accumulator_bytes / work.tiling.threads * constants.finish


def split_latency(work: Work, constants: ContractionFit) -> float:
    """Cycles until the last block of a tile has added the partial sums, with split-K; else 0.

    A block of a cluster sends all of its sums to others, or to itself.
    """
    if work.tiling.splits == 1:
        return 0.0
    if work.tiling.clustered:
        return constants.exchange + work.accumulator_bytes / constants.cluster_bandwidth
    return constants.split + work.accumulator_bytes * (work.tiling.splits + 1) / constants.l2_bandwidth
