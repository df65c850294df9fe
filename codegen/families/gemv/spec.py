"""The spec of a product of few rows for its template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv
from ...arch.spec import ArchSpec
from ...request.request import Geometry
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier, Template
from ..contraction.epilogue import EpilogueSpec
from ..contraction.gather import AxisSpec, batch_specs, divides
from ..contraction.mma import FRAGMENT_COLUMNS, math_of
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.spec import KernelBinding
from ..contraction.tile import tiles_of
from ..persistent.operands import BulkOperand
from .config import LINE_BYTES, WARP, GemvConfig, columns_of, resident, shared_layout, step_of
from .lines import Lines
from .rows import OwnRowsSpec

TEMPLATE = "kernels/gemv.cu.j2"


@dataclass(frozen=True)
class StreamedSpec:
    """An operand that goes from memory to registers: its C name and type, the C expressions of its first
    element and of the step between its rows (columns of B), and whether a batch entry may start elsewhere."""

    name: Identifier
    type: Identifier
    offset: Code
    step: Code
    based: bool


@dataclass(frozen=True)
class LinesSpec:
    """An operand whose lines bulk copies bring: dimensions of its tensor map, its first element along k, and
    the C variables of its batch axes."""

    dims: int
    first: int
    batch: tuple[Identifier, ...]


@dataclass(frozen=True)
class GemvSpec:
    """The spec of a product of few rows: sizes, configuration, operands and the epilogue.

    math: the type of its mma; resident: the occupancy that the kernel is compiled for; step: the elements
    of k in a step of a warp, of which a thread loads `chunk` at a time; steps: those of a warp, 2 where it is
    not known; k_checked: whether the last step may reach past the end of k; rows_checked, columns_checked:
    whether a tile may reach past the last row, or column.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    accumulate: Identifier
    math: Identifier
    m: Code
    n: Code
    k: Code
    batch: tuple[AxisSpec, ...]
    b_is_weight: bool
    block_m: int
    tiles: int
    warps: int
    splits: int
    resident: int
    step: int
    chunk: int
    steps: int
    k_checked: bool
    rows_checked: bool
    columns_checked: bool
    a: StreamedSpec
    b: StreamedSpec
    stages: int
    a_lines: LinesSpec | None
    b_lines: LinesSpec | None
    barriers: int
    exchange_at: int
    epilogue: EpilogueSpec
    own_rows: OwnRowsSpec | None = None
    turns: int = 1
    sums_at: int = 0

    @property
    def line(self) -> int:
        """Bytes of k in a step."""
        return LINE_BYTES

    @property
    def operands(self) -> Template:
        """The template of the way of both operands, where bulk copies bring them."""
        return Template("lib/gemv/lines.cu.j2")

    @property
    def line_name(self) -> Identifier:
        """The C constant of the elements in a line of a row."""
        return Identifier("STEP")

    @property
    def row_lines(self) -> int:
        """The rows that the block keeps in shared memory, a line for each step; 0 where copies bring them."""
        return self.own_rows.lines if self.own_rows else 0

    @property
    def lines_at(self) -> int:
        """Where these begin in shared memory."""
        return self.own_rows.lines_at if self.own_rows else 0

    @property
    def block_n(self) -> int:
        """Columns of the product of a block."""
        return self.epilogue.staged_columns

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.warps

    @property
    def row_tiles(self) -> int:
        """Fragments of eight rows."""
        return self.block_m // FRAGMENT_COLUMNS


def gemv_spec(
    problem: Problem,
    config: GemvConfig,
    binding: KernelBinding,
    target: ArchSpec,
    lines: Lines | None = None,
    own_rows: OwnRowsSpec | None = None,
) -> GemvSpec:
    """The spec of PROBLEM under CONFIG for TARGET; LINES: what bulk copies bring to its stages; OWN_ROWS: the
    rows that blocks compute."""
    if config.stages and lines is None:
        raise ValueError("bulk copies cannot bring these operands")
    a_lines, b_lines = (_lines(own) for own in lines) if lines and config.stages else (None, None)
    names, step, k = binding.names, step_of(problem), problem.k
    memory = shared_layout(problem, config)
    return GemvSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        index_type=Identifier(binding.index_type if not problem.wide else "i64"),
        accumulate=Identifier(c_type(problem.accumulate)),
        math=Identifier(math_of(problem.a, problem.b)),
        m=Code(dim_to_c(problem.m, names)),
        n=Code(dim_to_c(problem.n, names)),
        k=Code(dim_to_c(k, names)),
        batch=batch_specs(problem.batch, names),
        b_is_weight=problem.b_is_weight,
        block_m=config.block_m,
        tiles=config.tiles,
        warps=config.warps,
        splits=config.splits,
        resident=resident(problem, config, target),
        step=step,
        chunk=COPY_BYTES // problem.b.bytes,
        steps=-(-k // step // (config.warps * config.splits)) if isinstance(k, int) else 2,
        k_checked=not divides(step, k),
        rows_checked=not divides(config.block_m, problem.m),
        columns_checked=not divides(columns_of(problem, config), problem.n),
        a=_a(problem, binding.a, names),
        b=_b(problem, binding.b, names),
        stages=config.stages,
        a_lines=a_lines,
        b_lines=b_lines,
        barriers=memory.barriers_at,
        exchange_at=memory.bytes,
        epilogue=_epilogue(problem, config, binding),
        own_rows=own_rows,
        turns=config.turns,
        sums_at=memory.sums_at,
    )


def _lines(operand: BulkOperand) -> LinesSpec:
    batch = tuple(Identifier(f"batch_{index}") for index in operand.batch)
    return LinesSpec(len(operand.dims), operand.first, batch)


def _a(problem: Problem, name: Identifier, names: Mapping[str, str]) -> StreamedSpec:
    step: Dim = problem.rows[0].step if problem.rows else 0
    based = problem.a_offset != 0 or any(axis.a_step != 0 for axis in problem.batch)
    return _operand(name, c_type(problem.a), problem.a_offset, step, based, names)


def _b(problem: Problem, name: Identifier, names: Mapping[str, str]) -> StreamedSpec:
    based = problem.b_offset != 0 or any(axis.b_step != 0 for axis in problem.batch)
    return _operand(name, c_type(problem.b), problem.b_offset, problem.b_n_step, based, names)


def _operand(
    name: Identifier, type: str, offset: Dim, step: Dim, based: bool, names: Mapping[str, str]
) -> StreamedSpec:
    first, between = Code(factor_to_c(offset, names)), Code(factor_to_c(step, names))
    return StreamedSpec(name, Identifier(type), first, between, based)


def _epilogue(problem: Problem, config: GemvConfig, binding: KernelBinding) -> EpilogueSpec:
    return EpilogueSpec(
        accumulate=Identifier(c_type(problem.accumulate)),
        vector=binding.vector,
        block_m=config.block_m,
        columns=columns_of(problem, config) // binding.vector,
        threads=config.threads,
        splits=1,
        cluster=config.splits,
        groups=config.warps,
        pitch=config.pitch,
        m_checked=not divides(config.block_m, problem.m),
        n_checked=not divides(columns_of(problem, config), problem.n),
        code=binding.epilogue,
        beside=binding.beside,
        along=binding.along,
        halves=problem.halves,
        repeated=config.turns > 1,
    )


def launch(problem: Problem, spec: GemvSpec) -> Geometry:
    """The launch geometry of PROBLEM with SPEC."""
    tiles = tiles_of(problem, spec.block_m, spec.epilogue.columns * spec.epilogue.vector)
    return Geometry(
        grid=(ceildiv(tiles, spec.turns), spec.splits, 1),
        block=(spec.threads, 1, 1),
        shared=spec.exchange_at + spec.epilogue.exchange_bytes,
        cluster=(1, spec.splits, 1),
    )
