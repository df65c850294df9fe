"""Products with packed weights as kernels see them."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.tensor_map import TensorMap
from ....dialects.core.traits import Trait, has
from ....dialects.graph.block_format import COLUMNS, LINE, WORD_BYTES, BlockFormat
from ....dialects.graph.movement.slicing import Slice
from ....dialects.graph.packed import PackedMatmul
from ...request.parameters import TensorMapParameter
from ...request.request import Request
from ..contraction.axes import RowAxis, merged_rows
from ..contraction.binding import Contraction, ReadPrologue
from ..contraction.implicit_gemm import accumulator_of, span_of
from ..contraction.problem import Problem
from ..contraction.prologue import NoPrologue, Prologue, read_prologue
from ..gemv.halves import with_halves
from ..gemv.rows import read_rows, row_problem
from .config import PackedConfig


@dataclass(frozen=True)
class PackedProblem:
    """A product of few rows, and the format of its weights."""

    contraction: Contraction
    format: BlockFormat

    @property
    def problem(self) -> Problem:
        return self.contraction.problem

    @property
    def root(self) -> PackedMatmul:
        root = self.contraction.root
        assert isinstance(root, PackedMatmul)
        return root

    def map(self, place: int, config: PackedConfig) -> TensorMapParameter:
        """The tensor map of the weights, which are the buffer PLACE of the kernel."""
        w, own = self.root.w.type, config.tiles
        tiles, records, words = w.shape
        strides: tuple[Dim, ...] = (words * WORD_BYTES, records * words * WORD_BYTES)
        dims: tuple[Dim, ...] = (words, records, tiles)
        box: tuple[int, ...] = (self.format.record_bytes // WORD_BYTES, config.records, own)
        if self.problem.halves:  # whose tiles are as far apart as the second half begins
            each = self.problem.n // COLUMNS
            strides, dims = (*strides, each * strides[-1]), (words, records, each, 2)
            box = (*box[:2], own // 2, 2)
        weights = TensorMap.tiled(place, w.dtype, dims, strides, box, "none")
        return TensorMapParameter("b_map", weights)


def packed_contraction(request: Request) -> Contraction | None:
    """The only contraction of REQUEST's region, if it has packed weights that lie in memory as they are, all
    behind it is computed on single elements of its result, or of both halves, and its rows lie in memory, or
    are computed whole."""
    if any(has(op, Trait.WINDOW) for op in request.ops):
        return None
    found = _contraction_of(request, read_prologue)
    if found is None or found.has_prologue:
        found = _contraction_of(request, read_rows)
        if found is None or row_problem(request, found) is None:
            return None
    return with_halves(found) if any(isinstance(op, Slice) for op in request.ops) else found


def _contraction_of(request: Request, read: ReadPrologue) -> Contraction | None:
    roots = [op for op in request.ops if has(op, Trait.CONTRACTION)]
    if len(roots) != 1 or not isinstance(roots[0], PackedMatmul) or roots[0].w.producer is not None:
        return None
    root = roots[0]
    prologue = read(root)
    if isinstance(prologue, NoPrologue) or not root.w.type.layout.is_dense:
        return None
    return Contraction(root, _problem(root, request, prologue), prologue)


def _problem(root: PackedMatmul, request: Request, prologue: Prologue) -> Problem:
    a, y = root.a.type, root.y.type
    sizes = tuple(
        (name, low, request.optimum[name], high) for name, (low, high) in sorted(request.ranges.items())
    )
    ranges = {name: (low, high) for name, low, _, high in sizes}
    rows = [RowAxis(y.shape[axis], a.strides[axis]) for axis in range(y.rank - 1)]
    return Problem(
        op="matmul",
        a=a.dtype,
        a_memory=prologue.streamed.type.dtype,
        a_computed=prologue.whole,
        b=root.w.type.dtype,
        accumulate=accumulator_of(a.dtype, root.accumulate),
        batch=(),
        rows=merged_rows(rows),
        n=y.shape[-1],
        channels=a.shape[-1],
        a_k_step=a.strides[-1] if a.shape[-1] != 1 else 1,
        b_k_step=1,
        b_n_step=LINE,
        a_offset=a.layout.offset,
        b_offset=root.w.type.layout.offset,
        row_axes=tuple(range(y.rank - 1)),
        batch_axes=(),
        column_axis=y.rank - 1,
        b_is_weight=request.region.arguments.index(root.w) in request.weights,
        sizes=sizes,
        wide=any(span_of(type, ranges) is None for type in (a, y)),
    )
