"""Staging of a contraction's tiles: the spec of an operand's staging, its registers, and what it costs.

The ways to stage are in `families/staging`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...arch.fitted import ContractionFit
from ...arch.spec import ArchSpec
from ...text.render import Code, Template
from ..staging import registry
from ..staging.registry import staging_of
from ..staging.staging import StagedOperand, TileStaging
from .problem import COPY_BYTES, Problem
from .row_work import RowWork
from .tile import TileConfig, TileSpec, Tiling
from .work import ContractionLoad, Work


@dataclass(frozen=True)
class StagingSpec:
    """How a tile is staged: by `template`, arriving by the groups of `arrival` (if any), with copies of
    `vector` elements, in `passes` of `lines_per_pass` lines each.

    asynchronous: copies bypass registers, so that a tile arrives in the background; ragged: the last pass
    reaches past the tile; barrier_bytes: shared memory for its own barriers; prologue: code that computes
    elements after loading them; rows: code that runs once per row. See `KernelBinding` for both.
    """

    template: Template
    arrival: Template | None
    asynchronous: bool
    vector: int
    lines_per_pass: int
    passes: int
    ragged: bool
    barrier_bytes: int
    prologue: Code | None
    rows: RowWork | None


def staging_spec(
    tile: TileSpec,
    operand: StagedOperand,
    tiling: Tiling,
    target: ArchSpec,
    prologue: Code | None = None,
    rows: RowWork | None = None,
) -> StagingSpec:
    """The staging of OPERAND's TILE by the threads of TILING; PROLOGUE is there if it is computed."""
    staging, lines_per_pass = staging_of(operand, target), tiling.threads // tile.chunks
    return StagingSpec(
        template=staging.template,
        arrival=staging.arrival,
        asynchronous=staging.asynchronous,
        vector=operand.vector,
        lines_per_pass=lines_per_pass,
        passes=-(-tile.lines // lines_per_pass),
        ragged=tile.lines % lines_per_pass != 0,
        barrier_bytes=staging.barrier_bytes(tiling.stages),
        prologue=prologue,
        rows=rows,
    )


# ---------------------------------------------------------------- shared memory and registers


class _Latest:
    """The stagings of A and B of one problem: prices ask for those of the same one thousands of times in a
    row, so that even hashing it takes too long."""

    def __init__(self) -> None:
        self._known: tuple[Problem, ArchSpec, object, tuple[TileStaging, TileStaging]] | None = None

    def of(self, problem: Problem, target: ArchSpec) -> tuple[TileStaging, TileStaging]:
        """The stagings of both operands of PROBLEM on TARGET."""
        known = self._known
        if (
            known is None
            or known[0] is not problem
            or known[1] is not target
            or known[2] is not registry.STAGINGS
        ):
            a, b = (staging_of(operand, target) for operand in problem.staged)
            self._known = known = problem, target, registry.STAGINGS, (a, b)
        return known[3]


_stagings = _Latest().of


def stage_alignment(problem: Problem, target: ArchSpec) -> int:
    """The alignment of each stage of both operands, in bytes: the largest that a staging asks for."""
    return max(staging.stage_alignment for staging in _stagings(problem, target))


def barrier_bytes(problem: Problem, config: TileConfig, target: ArchSpec) -> int:
    """Shared memory of a block for the barriers of both operands' stagings, in bytes."""
    return sum(staging.barrier_bytes(config.stages) for staging in _stagings(problem, target))


def staged_registers(problem: Problem, config: TileConfig, target: ArchSpec) -> int:
    """Registers of a thread for tiles that are staged through registers."""
    copies_b = config.block_n * config.block_k * problem.b.bytes // COPY_BYTES // config.threads
    (a, b), (of_a, of_b) = problem.staged, _stagings(problem, target)
    return of_a.registers(a) * _copies_of_a(problem, config) + of_b.registers(b) * copies_b


def origin_registers(problem: Problem, config: TileConfig) -> int:
    """Registers of a thread for the origins of gathered rows."""
    return _copies_of_a(problem, config) * (2 if problem.wide else 1) if problem.a_picked else 0


def _copies_of_a(problem: Problem, config: TileConfig) -> int:
    """16-byte copies of a thread per tile of A."""
    return config.block_m * config.block_k * problem.a.bytes // COPY_BYTES // config.threads


# ---------------------------------------------------------------- cost


def copied_bytes(load: ContractionLoad, work: Work) -> int:
    """Bytes loaded from the L2 cache for one k tile of both operands."""
    return (work.tiling.block_m + work.tiling.block_n) * work.tiling.block_k * load.element_bytes


def stored_bytes(load: ContractionLoad, work: Work, constants: ContractionFit) -> float:
    """Bytes written to shared memory for one k tile; those of narrow copies are weighted by their cost."""
    narrow = 1 + constants.narrow * (COPY_BYTES / load.copy_bytes - 1)
    return copied_bytes(load, work) * narrow


def arrival_cycles(work: Work, constants: ContractionFit) -> float:
    """Cycles between the arrivals of two k tiles, given the pipeline stages that are in flight."""
    return constants.memory_latency / (work.tiling.stages - 1)


def row_cycles(load: ContractionLoad, work: Work, constants: ContractionFit) -> float:
    """Cycles of a block for the rows of A of a k tile: copies of weights begin before the wait for the launch
    before, those of A cannot."""
    return work.tiling.block_m * work.tiling.block_k * load.element_bytes / constants.row_bandwidth
