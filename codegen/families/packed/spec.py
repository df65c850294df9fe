"""The spec of a product with packed weights for its template."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv
from ...arch.spec import ArchSpec
from ...request.request import Geometry
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier, Template
from ..contraction.epilogue import EpilogueSpec
from ..contraction.gather import divides
from ..contraction.mma import FRAGMENT_COLUMNS
from ..contraction.problem import Problem
from ..contraction.spec import KernelBinding
from ..contraction.tile import tiles_of
from ..gemv.rows import OwnRowsSpec
from ..gemv.spec import StreamedSpec
from .config import LINE_BYTES, WARP, PackedConfig, columns_of, resident, shared_layout
from .problem import PackedProblem

TEMPLATE = "kernels/packed.cu.j2"


@dataclass(frozen=True)
class PackedSpec:
    """The spec of a product with packed weights: sizes, configuration, format of the weights, and the
    epilogue.

    bits: of a stored number; step: of k, `records` of them, each of `lines` lines and `blocks` blocks; group:
    steps of k within which a lane has those of one mma; fields, field: numbers beside a block of a column,
    and their type; record: bytes; stage_bytes, row_lines, lines_at, sums_at, barriers: of shared memory
    (`SharedLayout`); steps: those of a warp; a: the rows; own_rows: those that blocks compute; resident: the
    occupancy that the kernel is compiled for.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    accumulate: Identifier
    m: Code
    n: Code
    k: Code
    batch: tuple[()]
    b_is_weight: bool
    block_m: int
    tiles: int
    warps: int
    splits: int
    stages: int
    resident: int
    bits: int
    step: int
    records: int
    lines: int
    blocks: int
    group: int
    fields: int
    field: Identifier
    field_bytes: int
    record: int
    stage_bytes: int
    row_lines: int
    lines_at: int
    sums_at: int
    barriers: int
    steps: int
    turns: int
    rows_checked: bool
    a: StreamedSpec
    epilogue: EpilogueSpec
    exchange_at: int
    own_rows: OwnRowsSpec | None = None

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.warps

    @property
    def block_n(self) -> int:
        """Columns of the product of a block."""
        return self.epilogue.staged_columns

    @property
    def row_tiles(self) -> int:
        """Fragments of eight rows."""
        return self.block_m // FRAGMENT_COLUMNS

    @property
    def line(self) -> int:
        """Bytes of a row in a line."""
        return LINE_BYTES

    @property
    def depth(self) -> int:
        """Elements of k in a record."""
        return self.step // self.records

    @property
    def piece(self) -> int:
        """Elements of a row that a lane loads at a time."""
        return min(8, self.group // 4)

    @property
    def operands(self) -> Template:
        """The template of the way of both operands."""
        return Template("lib/packed/records.cu.j2")

    @property
    def line_name(self) -> Identifier:
        """The C constant of the elements in a line of a row."""
        return Identifier("LINE")

    @property
    def blocks_at_once(self) -> int:
        """Blocks of k whose products follow each other without a branch: those of a load of weights. More of
        them take registers that as many blocks of the next launch need."""
        return max(1, 256 // self.bits * self.blocks // self.depth)

    @property
    def pieces(self) -> int:
        """Loads of a lane from the rows of a block of k."""
        return self.products * 4 // self.piece

    @property
    def products(self) -> int:
        """Products of mma of a block of k."""
        return self.depth // self.blocks // 16


def packed_spec(
    packed: PackedProblem,
    config: PackedConfig,
    binding: KernelBinding,
    target: ArchSpec,
    own_rows: OwnRowsSpec | None = None,
) -> PackedSpec:
    """The spec of PACKED under CONFIG for TARGET; OWN_ROWS: the rows that blocks compute."""
    problem, form, names = packed.problem, packed.format, binding.names
    assert isinstance(problem.k, int)
    memory = shared_layout(problem, form, config)
    return PackedSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        index_type=Identifier(binding.index_type if not problem.wide else "i64"),
        accumulate=Identifier(c_type(problem.accumulate)),
        m=Code(dim_to_c(problem.m, names)),
        n=Code(dim_to_c(problem.n, names)),
        k=Code(dim_to_c(problem.k, names)),
        batch=(),
        b_is_weight=problem.b_is_weight,
        block_m=config.block_m,
        tiles=config.tiles,
        warps=config.warps,
        splits=config.splits,
        stages=config.stages,
        resident=resident(problem, form, config, target),
        bits=form.bits,
        step=config.step(form),
        records=config.records,
        lines=form.lines,
        blocks=form.blocks,
        group=form.group,
        fields=form.fields,
        field=Identifier(c_type(form.scale)),
        field_bytes=form.scale.bytes,
        record=form.record_bytes,
        stage_bytes=memory.stage_bytes,
        row_lines=memory.lines,
        lines_at=memory.lines_at,
        sums_at=memory.sums_at,
        barriers=memory.barriers_at,
        steps=-(-problem.k // config.step(form) // (config.warps * config.splits)),
        turns=config.turns,
        rows_checked=not divides(config.block_m, problem.m),
        a=_rows(problem, binding),
        epilogue=_epilogue(packed, config, binding),
        exchange_at=memory.bytes,
        own_rows=own_rows,
    )


def _rows(problem: Problem, binding: KernelBinding) -> StreamedSpec:
    step: Dim = problem.rows[0].step
    first, between = (Code(factor_to_c(each, binding.names)) for each in (problem.a_offset, step))
    return StreamedSpec(binding.a, Identifier(c_type(problem.a)), first, between, problem.a_offset != 0)


def _epilogue(packed: PackedProblem, config: PackedConfig, binding: KernelBinding) -> EpilogueSpec:
    problem = packed.problem
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


def launch(packed: PackedProblem, spec: PackedSpec) -> Geometry:
    """The launch geometry of PACKED with SPEC."""
    tiles = tiles_of(packed.problem, spec.block_m, spec.epilogue.columns * spec.epilogue.vector)
    return Geometry(
        grid=(ceildiv(tiles, spec.turns), spec.splits, 1),
        block=(spec.threads, 1, 1),
        shared=spec.exchange_at + spec.epilogue.exchange_bytes,
        cluster=(1, spec.splits, 1),
    )
