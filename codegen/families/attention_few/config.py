"""Configurations of attention of few queries, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....dialects.core.dtypes import DType
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ..attention.problem import AttentionProblem
from ..contraction.problem import COPY_BYTES
from .rows import Rows

WARP = 32
QUAD = 4  # numbers that blocks send each other at a time
BARRIER_BYTES = 16
OTHER_REGISTERS = 48  # of a thread, beside queries, accumulators, scores and what it loads
_ROWS, _WARPS, _SPLITS = (1, 2, 4, 8), (4, 8), (1, 2, 4, 8, 16)
KEYS = (4, 2)  # keys of a thread that are loaded at a time


@dataclass(frozen=True)
class FewQueriesConfig:
    """A configuration: `rows` queries of a block, `warps`, keys of a thread at a time; `splits` blocks, a
    cluster, share the keys."""

    rows: int
    warps: int
    keys: int
    splits: int = 1

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.warps


def vector_of(dtype: DType) -> int:
    """Features that a thread loads at a time."""
    return COPY_BYTES // dtype.bytes


def lanes_of(problem: AttentionProblem) -> int:
    """The threads that share a key: a power of two."""
    needed = -(-max(problem.depth, problem.width) // vector_of(problem.math))
    return int(1 << (needed - 1).bit_length())


def line_of(problem: AttentionProblem) -> int:
    """Features of a row where it is staged."""
    return lanes_of(problem) * vector_of(problem.math)


def tile_keys(problem: AttentionProblem, config: FewQueriesConfig) -> int:
    """The keys that a block loads at a time."""
    return config.threads // lanes_of(problem) * config.keys


def own_bytes(warps: int, rows: int, line: int) -> int:
    """Shared memory for the results of WARPS, with maximum and total of each of ROWS."""
    return warps * rows * (line + 2) * 4


def sent_bytes(rows: int, line: int, splits: int) -> int:
    """Bytes that SPLITS blocks send one of them: its share of results, maximum and total of all rows."""
    return rows * line * 4 + splits * rows * 8


def shared_bytes(problem: AttentionProblem, rows: Rows, config: FewQueriesConfig) -> int:
    """Dynamic shared memory of a block: what its warps have, what its cluster sends it, where keys end, and
    the queries, the key and the value that it computes."""
    line = line_of(problem)
    sent = sent_bytes(config.rows, line, config.splits) + BARRIER_BYTES if config.splits > 1 else 0
    ends = 0 if problem.mask is None else config.warps * 4
    computed = (config.rows + 2) * line * problem.math.bytes if rows.computed else 0
    return own_bytes(config.warps, config.rows, line) + sent + ends + computed


def registers(problem: AttentionProblem, config: FewQueriesConfig) -> int:
    """Registers of a thread."""
    vector = vector_of(problem.math)
    return 2 * config.rows * vector + config.keys * (config.rows + 8) + 2 * config.rows + OTHER_REGISTERS


def illegal(problem: AttentionProblem, rows: Rows, config: FewQueriesConfig, target: ArchSpec) -> str | None:
    """Why CONFIG is not legal for PROBLEM with ROWS on TARGET; None if it is."""
    if config.rows not in _ROWS or config.keys not in KEYS or config.warps not in _WARPS:
        return "no such rows, keys or warps"
    if config.threads > target.limits.threads_per_block or lanes_of(problem) > WARP:
        return "too many threads"
    if config.rows >= 2 * rows.count:
        return "rows that are not there"
    if config.splits > 1:
        if not target.has(Feature.CLUSTERS) or config.splits > target.limits.largest_cluster:
            return "no such cluster"
        if config.rows * line_of(problem) % (QUAD * config.splits):
            return "the blocks of a cluster do not share the result evenly"
    if config.threads * registers(problem, config) > target.limits.registers_per_multiprocessor:
        return "not enough registers"
    if registers(problem, config) > target.limits.registers_per_thread:
        return "not enough registers"
    return "not enough shared memory" if shared_bytes(problem, rows, config) > target.shared_bytes else None


def shapes(problem: AttentionProblem, rows: Rows, target: ArchSpec) -> Iterator[FewQueriesConfig]:
    """The legal configurations for PROBLEM with ROWS on TARGET."""
    for count in _ROWS:
        for warps in _WARPS:
            for keys in KEYS:
                for splits in _SPLITS:
                    config = FewQueriesConfig(count, warps, keys, splits)
                    if illegal(problem, rows, config, target) is None:
                        yield config
