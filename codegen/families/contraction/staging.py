"""Staging: how the threads of a block copy an operand's tiles to shared memory, and what that costs.

Each kind of staging is a template with the same macros; see `templates/lib/staging/cp_async.cu.j2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ....dialects.core.dtypes import DType
from ...arch.fitted import ContractionFit
from ...text.render import Code
from .problem import COPY_BYTES, Problem
from .row_work import RowWork
from .tile import TileConfig, TileSpec
from .work import ContractionLoad, Work

LEAST_ASYNCHRONOUS = 4  # width in bytes of the narrowest cp.async


class StagingTemplate(Enum):
    """The templates that copy tiles from global to shared memory."""

    CP_ASYNC = "lib/staging/cp_async.cu.j2"
    REGISTERS = "lib/staging/registers.cu.j2"


@dataclass(frozen=True)
class StagingSpec:
    """How a tile is staged: with copies of `vector` elements, in `passes` of `lines_per_pass` lines each.

    ragged: the last pass reaches past the tile; prologue: code that computes elements after loading them;
    rows: code that runs once per row. See `Binding` for both.
    """

    template: StagingTemplate
    vector: int
    lines_per_pass: int
    passes: int
    ragged: bool
    prologue: Code | None
    rows: RowWork | None

    @property
    def asynchronous(self) -> bool:
        """True when copies bypass registers (cp.async), so that a tile arrives in the background."""
        return self.template is StagingTemplate.CP_ASYNC


def staging_spec(
    tile: TileSpec,
    dtype: DType,
    vector: int,
    threads: int,
    prologue: Code | None = None,
    rows: RowWork | None = None,
) -> StagingSpec:
    """The staging of TILE by THREADS threads, with copies of VECTOR elements of DTYPE.

    By cp.async, except copies that are too narrow for it and operands with a prologue: these pass through
    registers.
    """
    lines_per_pass = threads // tile.chunks
    asynchronous = vector * dtype.bytes >= LEAST_ASYNCHRONOUS and prologue is None
    return StagingSpec(
        template=StagingTemplate.CP_ASYNC if asynchronous else StagingTemplate.REGISTERS,
        vector=vector,
        lines_per_pass=lines_per_pass,
        passes=-(-tile.lines // lines_per_pass),
        ragged=tile.lines % lines_per_pass != 0,
        prologue=prologue,
        rows=rows,
    )


# ---------------------------------------------------------------- registers


def staged_registers(problem: Problem, config: TileConfig) -> int:
    """Registers of a thread for tiles that are staged through registers.

    None for operands that are copied by cp.async; twice as many for an operand with a prologue, which has
    both loaded and computed elements.
    """
    copies_b = config.block_n * config.block_k * problem.b.bytes // COPY_BYTES // config.threads
    staged = 4 * copies_b if problem.b_vector * problem.b.bytes < LEAST_ASYNCHRONOUS else 0
    if problem.a_computed:
        return staged + 8 * _copies_of_a(problem, config)
    narrow = problem.a_vector * problem.a.bytes < LEAST_ASYNCHRONOUS
    return staged + (4 * _copies_of_a(problem, config) if narrow else 0)


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
