"""Results that leave a persistent contraction by bulk stores, a chunk of 64 rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from ....dialects.core.affine import Dim
from ....dialects.core.dtypes import DType
from ....dialects.core.tensor_map import TensorMap, swizzle_of
from ....dialects.core.types import TensorType
from ...emit.tile_epilogue import PAIR, TileEpilogue, emit_tile_epilogue
from ...request.parameters import TensorMapParameter
from ...request.request import Request
from ...request.signature import make_signature
from ..contraction.binding import Contraction, spaces_of
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.wgmma import LINE_BYTES, ROWS
from ..divisors import divisor

RESULT_MAP, RESIDUAL_MAP = "result_map", "residual_map"
LANES = 4  # threads whose accumulators are those of a row, each of a run of its columns
WIDEST = 4  # bytes of a result; a chunk has 32 columns of such ones
PIXELS = (8, 8, 1)  # of a chunk of 64: columns and lines of an image
TileOf = Callable[["Problem", tuple[Dim, ...], TensorType, int], "BulkTile | None"]


@dataclass(frozen=True)
class BulkTile:
    """A tensor of as many rows and columns as the result, as bulk copies of chunks see it.

    operand: its number among the buffers of the kernel; dims, strides: those of its map, in elements and
    bytes, columns first; first: the place of its first column in a row, for a part of longer rows; rows: the
    64 rows of a chunk, along each dimension behind the columns.
    """

    operand: int
    dtype: DType
    dims: tuple[Dim, ...]
    strides: tuple[Dim, ...]
    first: int
    rows: tuple[int, ...] = (ROWS,)

    def map(self, name: str, columns: int) -> TensorMapParameter:
        """The map NAME for chunks of 64 rows and COLUMNS."""
        line = columns * self.dtype.bytes
        box, swizzle = (columns, *self.rows), swizzle_of(line)
        return TensorMapParameter(
            name, TensorMap.tiled(self.operand, self.dtype, self.dims, self.strides, box, swizzle)
        )


@dataclass(frozen=True)
class BulkResults:
    """The results of a kernel, the residual that is read beside them, if any, and the epilogue.

    columns: those of the result, where threads may finish runs of them (`interleave.py`); else 0.
    """

    result: BulkTile
    residual: BulkTile | None
    epilogue: TileEpilogue
    columns: int = 0

    def chunk(self, block_n: int) -> int:
        """The columns of a chunk of a tile of BLOCK_N columns: 128 bytes of a row, or half of that, or a
        quarter; of bytes the widest of these that threads finish in whole runs, if there is one."""
        widest = LINE_BYTES // self.result.dtype.bytes
        widths = [width for width in (widest, widest // 2, widest // 4) if block_n % width == 0]
        if self.result.dtype.bytes > 1:
            return widths[0]  # pairs of halves take no longer than vectors in more chunks
        return next((width for width in widths if self.columns % (width // LANES) == 0), widths[0])

    def maps(self, block_n: int) -> list[TensorMapParameter]:
        """The tensor maps for tiles of BLOCK_N columns."""
        columns = self.chunk(block_n)
        found = [self.result.map(RESULT_MAP, columns)]
        return [*found, self.residual.map(RESIDUAL_MAP, columns)] if self.residual else found


def bulk_results(
    request: Request, contraction: Contraction, vector: int = PAIR, tile: TileOf | None = None
) -> BulkResults | None:
    """The results of REQUEST as bulk copies bring them away, with an epilogue of VECTOR of them; None where
    threads have to store them. TILE: what gives their tiles, if those are not of two dimensions."""
    problem, shape = contraction.problem, contraction.root.result.type.shape
    if problem.batch or len(request.writes) != 1 or divisor(problem.n) % vector:
        return None
    found = tile or row_tile
    result = found(problem, shape, request.writes[0], len(request.reads))
    if result is None or result.dtype.bytes > WIDEST:
        return None
    index, spaces = spaces_of(contraction, depthwise_channels=False)
    epilogue = emit_tile_epilogue(
        request, make_signature(request), contraction.root, problem.accumulate, index, spaces, vector
    )
    if epilogue is None:
        return None
    columns = problem.n if isinstance(problem.n, int) and problem.b_k_major else 0
    if epilogue.operand is None:
        return BulkResults(result, None, epilogue, columns)
    value = epilogue.operand
    residual = found(problem, shape, value.type, request.region.arguments.index(value))
    if residual is None or residual.dtype.bytes != result.dtype.bytes:
        return None  # a result takes the place of its residual
    return BulkResults(result, residual, epilogue, columns)


def row_tile(problem: Problem, shape: tuple[Dim, ...], type: TensorType, operand: int) -> BulkTile | None:
    """The tensor of TYPE, buffer OPERAND, by rows and columns of PROBLEM, whose result has SHAPE.

    None where it is none of two dimensions.
    """
    if type.shape != shape:
        return None
    step = _row_step(type, problem.row_axes)
    return None if step is None else _placed(type, operand, problem.column_axis, [(problem.m, step)])


def pixel_tile(problem: Problem, shape: tuple[Dim, ...], type: TensorType, operand: int) -> BulkTile | None:
    """The images of TYPE, buffer OPERAND, whose rows of PROBLEM are pixels, 8 x 8 of them a chunk."""
    if type.shape != shape or len(problem.row_axes) != len(PIXELS):
        return None
    axes = [(type.shape[axis], type.strides[axis]) for axis in reversed(problem.row_axes)]
    return _placed(type, operand, problem.column_axis, axes, PIXELS)


def _placed(
    type: TensorType,
    operand: int,
    column: int,
    axes: list[tuple[Dim, Dim]],
    rows: tuple[int, ...] = (ROWS,),
) -> BulkTile | None:
    """The tensor of TYPE with columns along the axis COLUMN, and rows along AXES, the innermost first: their
    sizes and steps in elements. None where no map brings it."""
    first, columns, step = type.layout.offset, type.shape[column], axes[0][1]
    if type.strides[column] != 1 or not isinstance(first, int):
        return None
    if first * type.dtype.bytes % COPY_BYTES:
        return None  # a bulk copy does not begin there
    if first and not (isinstance(columns, int) and isinstance(step, int) and first + columns <= step):
        return None  # it does not begin within the first row of its buffer
    dims = (columns + first, *(size for size, _ in axes))
    strides = tuple(step * type.dtype.bytes for _, step in axes)
    tile = BulkTile(operand, type.dtype, dims, strides, first, rows)
    return None if tile.map(RESULT_MAP, LINE_BYTES // type.dtype.bytes).map.fault() else tile


def _row_step(type: TensorType, axes: tuple[int, ...]) -> Dim | None:
    """The distance between adjacent rows, which the AXES of TYPE count, in elements; None if it varies."""
    long = [axis for axis in axes if type.shape[axis] != 1]
    for outer, inner in pairwise(long):
        if type.strides[outer] != type.strides[inner] * type.shape[inner]:
            return None
    return type.strides[(long or axes)[-1]]
