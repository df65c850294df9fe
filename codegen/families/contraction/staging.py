"""How the threads of a block bring an operand's tiles to shared memory, and what it costs.

Each way is a template of its own, which offers the same macros; see `templates/lib/staging/cp_async.cu.j2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ....dialects.core.dtypes import DType
from ...arch.spec import ContractionFit
from ...text.render import Code
from .problem import COPY_BYTES, Problem
from .row_work import RowWork
from .tile import TileConfig, TileSpec
from .work import ContractionLoad, Work

LEAST_ASYNCHRONOUS = 4  # bytes of the narrowest cp.async


class StagingTemplate(Enum):
    """The ways from memory to shared memory."""

    CP_ASYNC = "lib/staging/cp_async.cu.j2"
    REGISTERS = "lib/staging/registers.cu.j2"


@dataclass(frozen=True)
class StagingSpec:
    """How a tile is brought: `vector` elements at a time, `passes` times lines that lie `lines_per_pass`
    apart; `ragged` when the last pass goes beyond the tile.

    `prologue` computes the elements on their way, `rows` what depends on a row alone; see `Binding`.
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
        """True when a tile lands in shared memory by itself."""
        return self.template is StagingTemplate.CP_ASYNC


def staging_spec(
    tile: TileSpec,
    dtype: DType,
    vector: int,
    threads: int,
    prologue: Code | None = None,
    rows: RowWork | None = None,
) -> StagingSpec:
    """The narrowest copies and whatever computes go through registers, all else by cp.async."""
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


def held_registers(problem: Problem, config: TileConfig) -> int:
    """Registers of a thread that hold staged tiles: none for what is copied asynchronously, twice as many
    for what a prologue computes."""
    copies_b = config.block_n * config.block_k * problem.b.bytes // COPY_BYTES // config.threads
    held = 4 * copies_b if problem.b_vector * problem.b.bytes < LEAST_ASYNCHRONOUS else 0
    if problem.a_computed:
        return held + 8 * _copies_of_a(problem, config)
    narrow = problem.a_vector * problem.a.bytes < LEAST_ASYNCHRONOUS
    return held + (4 * _copies_of_a(problem, config) if narrow else 0)


def origin_registers(problem: Problem, config: TileConfig) -> int:
    """Registers of a thread for where gathered rows begin."""
    return _copies_of_a(problem, config) * (2 if problem.wide else 1) if problem.a_picked else 0


def _copies_of_a(problem: Problem, config: TileConfig) -> int:
    """Copies of 16 bytes that a thread makes of a tile of A."""
    return config.block_m * config.block_k * problem.a.bytes // COPY_BYTES // config.threads


# ---------------------------------------------------------------- cost


def copied_bytes(load: ContractionLoad, work: Work) -> int:
    """Bytes of one k tile of both operands."""
    return (work.tiling.block_m + work.tiling.block_n) * work.tiling.block_k * load.element_bytes


def stored_bytes(load: ContractionLoad, work: Work, constants: ContractionFit) -> float:
    """Bytes written to shared memory for one k tile; narrow copies count for more."""
    narrow = 1 + constants.narrow * (COPY_BYTES / load.copy_bytes - 1)
    return copied_bytes(load, work) * narrow


def arrival_cycles(work: Work, constants: ContractionFit) -> float:
    """Cycles between two k tiles' landing, with as many stages on their way."""
    return constants.memory_latency / (work.tiling.stages - 1)
