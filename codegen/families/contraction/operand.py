"""The spec of one operand for templates: its tile in shared memory, its addressing and its staging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....dialects.core.dtypes import DType
from ...arch.spec import ArchSpec
from ...text.affine_c import factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier, Template
from ..staging.staging import StagedOperand
from .axes import RowAxis
from .gather import GatherSpec, KEnd, divides, row_specs
from .problem import Problem
from .product import ProductSpec
from .row_work import RowWork
from .staging import StagingSpec, stage_alignment, staging_spec
from .tile import TileSpec, Tiling, stage_elements, tile_spec

CACHE_LINE = 128  # bytes of a line of the L2 cache


@dataclass(frozen=True)
class OperandSpec:
    """One operand: `role` is a or b, `name` the C name of its buffer.

    type, memory_type: its element type in shared memory, and in global memory (before a prologue);
    element_bytes: the size of `type`; tile, gather, staging: its tile in shared memory, its addressing in
    global memory, and the way between them; stage_elements: from one pipeline stage to the next;
    based: whether a batch entry may start at an offset other than 0.
    """

    role: Identifier
    name: Identifier
    type: Identifier
    memory_type: Identifier
    element_bytes: int
    tile: TileSpec
    gather: GatherSpec
    staging: StagingSpec
    stage_elements: int
    based: bool

    @property
    def staged_by(self) -> Template:
        """The template of its staging."""
        return self.staging.template

    @property
    def arrives_by(self) -> Template | None:
        """The template of the groups in which its copies arrive; none where nothing is in flight."""
        return self.staging.arrival

    @property
    def vector(self) -> int:
        """Elements of one copy."""
        return self.staging.vector

    @property
    def bytes(self) -> int:
        """Bytes of one copy in shared memory."""
        return self.vector * self.element_bytes

    @property
    def extent(self) -> str:
        """The C variable with the number of its rows (columns for B)."""
        return "M" if self.role == "a" else "N"

    @property
    def stage_size(self) -> str:
        """The C constant with the elements of one pipeline stage."""
        return "A_TILE" if self.role == "a" else "B_TILE"

    @property
    def tile_bytes(self) -> int:
        """Bytes of one pipeline stage in shared memory."""
        return self.stage_elements * self.element_bytes

    @property
    def picked(self) -> bool:
        """True when its rows are gathered: an index tensor says where each row begins."""
        return self.staging.rows is not None and self.staging.rows.picks

    @property
    def clamped(self) -> bool:
        """True when a thread may be assigned lines past the end; it then loads the last line instead."""
        return self.gather.checked or self.staging.ragged

    @property
    def linear(self) -> bool:
        """True when a thread's lines have a constant stride: whole tiles of a single axis."""
        plain = len(self.gather.axes) == 1 and not self.gather.windows
        return plain and not self.clamped and not self.picked

    @property
    def line_elements(self) -> int:
        """Elements of a line of the L2 cache."""
        return CACHE_LINE // self.element_bytes

    @property
    def slots(self) -> int:
        """Rows of a tile that a thread copies pieces of."""
        return self.staging.passes if self.tile.k_major else self.tile.chunk


def a_operand(
    problem: Problem,
    tiling: Tiling,
    name: Identifier,
    names: Mapping[str, str],
    product: ProductSpec,
    target: ArchSpec,
    prologue: Code | None,
    rows: RowWork | None,
) -> OperandSpec:
    """The spec of A; PROLOGUE has the code that computes its elements, ROWS the code run once per row."""
    tile = _tile(problem.a, tiling.block_m, tiling, product, problem.a_k_major)
    gather = GatherSpec(
        axes=row_specs(problem.rows, names),
        checked=not divides(tiling.block_m, problem.m),
        taps=problem.taps,
        channels=Code(factor_to_c(problem.channels, names)),
        uniform_taps=divides(tiling.block_k, problem.channels),
        k_step=Code(factor_to_c(problem.a_k_step, names)),
        k_end=_k_end(problem, tiling, product),
        offset=Code(factor_to_c(problem.a_offset, names)),
    )
    operand = StagedOperand(problem.a, problem.a_vector, computed=prologue is not None)
    staging = staging_spec(tile, operand, tiling, target, prologue, rows)
    memory_type = Identifier(c_type(problem.a_stored))
    type = Identifier(c_type(problem.a))
    based = problem.a_offset != 0 or any(axis.a_step != 0 for axis in problem.batch)
    stage = stage_elements(tile, problem.a, stage_alignment(problem, target))
    return OperandSpec(
        Identifier("a"), name, type, memory_type, problem.a.bytes, tile, gather, staging, stage, based
    )


def b_operand(
    problem: Problem,
    tiling: Tiling,
    name: Identifier,
    names: Mapping[str, str],
    product: ProductSpec,
    target: ArchSpec,
) -> OperandSpec:
    """The spec of B, whose k index is dense: it needs no distinction of taps and channels."""
    tile = _tile(problem.b, tiling.block_n, tiling, product, problem.b_k_major)
    k_end = _k_end(problem, tiling, product)
    gather = GatherSpec(
        axes=row_specs((RowAxis(problem.n, problem.b_n_step),), names),
        checked=not divides(tiling.block_n, problem.n),
        taps=1,
        channels=Code(factor_to_c(problem.channels, names)),
        uniform_taps=k_end is KEnd.NONE,
        k_step=Code(factor_to_c(problem.b_k_step, names)),
        k_end=k_end,
        offset=Code(factor_to_c(problem.b_offset, names)),
    )
    staging = staging_spec(tile, StagedOperand(problem.b, problem.b_vector), tiling, target)
    type = Identifier(c_type(problem.b))
    based = problem.b_offset != 0 or any(axis.b_step != 0 for axis in problem.batch)
    stage = stage_elements(tile, problem.b, stage_alignment(problem, target))
    return OperandSpec(
        Identifier("b"), name, type, type, problem.b.bytes, tile, gather, staging, stage, based
    )


def _tile(dtype: DType, wide: int, tiling: Tiling, product: ProductSpec, k_major: bool) -> TileSpec:
    """The tile of WIDE rows of A (columns of B), as PRODUCT reads it."""
    swizzled, slab = product.swizzled, product.slab
    return tile_spec(dtype, wide, tiling.block_k, k_major=k_major, swizzled=swizzled, slab=slab)


def _k_end(problem: Problem, tiling: Tiling, product: ProductSpec) -> KEnd:
    """Which k tiles of PROBLEM are checked for the end of k."""
    if divides(tiling.block_k, problem.k):
        return KEnd.NONE
    if not isinstance(problem.k, int) or tiling.splits > 1:
        return KEnd.ALL
    return KEnd.LOOP if -(-problem.k // tiling.block_k) > tiling.stages - product.lag else KEnd.LAST
