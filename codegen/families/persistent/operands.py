"""Contraction operands as bulk copies see them: a tensor map, and the coordinates of a tile in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim, exact_div
from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Operation
from ....dialects.core.tensor_map import TensorMap, rounding_of, swizzle_of
from ..contraction.axes import BatchAxis
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.wgmma import LINE_BYTES, ROWS
from .config import SLAB
from .depth import is_ragged, line_of

MOST_DIMS = 4  # that the bulk copies of `tma.cuh` take
MOST_REACH = 2  # times the channels of a pixel, for an im2col copy: no wider ones are known to be right


@dataclass(frozen=True)
class Window2d:
    """A convolution's window over height and width, as an im2col map traverses it.

    out: height and width of the result; taps, strides, dilations, and the padding before, of each.
    """

    out: tuple[Dim, Dim]
    taps: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]


@dataclass(frozen=True)
class BulkOperand:
    """An operand staged by bulk copies, in lines as wgmma reads them.

    dims, strides: those of its tensor map, in elements and bytes, innermost first; taps: whether one of the
    dimensions counts window taps; batch: the batch axes with a dimension of their own, the last ones; window:
    that of a convolution's input, whose copies gather pixels (im2col); channels: the distance in elements
    between batch entries along the innermost dimension; first: the start of the operand in that dimension,
    for a slice of longer rows; interleave: of B, the columns of a run, where its lines are in the order of
    `interleave.py`; line: bytes of a line.
    """

    dtype: DType
    k_major: bool
    dims: tuple[Dim, ...]
    strides: tuple[Dim, ...]
    taps: bool = False
    batch: tuple[int, ...] = ()
    window: Window2d | None = None
    channels: int = 0
    first: int = 0
    interleave: int = 0
    line: int = LINE_BYTES

    def copies(self, lines: int) -> int:
        """Bulk copies for LINES rows of A (columns of B)."""
        return 1 if self.k_major else lines // SLAB

    def map(self, operand: int, lines: int, shares: int = 1) -> TensorMap:
        """The map over buffer OPERAND for tiles of LINES rows of A (columns of B), which come in so many
        SHARES."""
        deep, modes = self.line // self.dtype.bytes, (swizzle_of(self.line), rounding_of(self.dtype))
        if self.window is not None:
            return self._im2col(operand, (deep, lines), self.window)
        if self.interleave:
            half = self.interleave // 2
            box = [deep, lines // half, half // shares]
        else:
            box = [deep, lines // shares] if self.k_major else [SLAB, deep]
        if self.taps:
            box.insert(1, 1)
        box += [1] * (len(self.dims) - len(box))
        return TensorMap.tiled(operand, self.dtype, self.dims, self.strides, box, *modes)

    def _im2col(self, operand: int, box: tuple[int, int], window: Window2d) -> TensorMap:
        """Width comes before height in a map."""
        spans = [(taps - 1) * by for taps, by in zip(window.taps, window.dilations, strict=True)]
        upper = [after - span for after, span in zip(window.after, spans, strict=True)]
        corners = (tuple(-before for before in reversed(window.before)), tuple(reversed(upper)))
        steps = (1, *reversed(window.strides), 1)
        modes = (swizzle_of(self.line), rounding_of(self.dtype))
        return TensorMap.im2col(operand, self.dtype, self.dims, self.strides, box, corners, steps, *modes)


def operand_a(problem: Problem, root: Operation) -> BulkOperand | str:
    """A of PROBLEM, the contraction ROOT; why bulk copies cannot bring it."""
    if problem.a_start * problem.a.bytes < COPY_BYTES:
        return "A's rows do not begin at multiples of 16 bytes of its buffer"
    if len(problem.rows) == 1 and problem.rows[0].window is None:
        row = problem.rows[0]
        deep, wide = (problem.channels, problem.a_k_step), (row.extent, row.step)
        axes = [deep, wide] if problem.a_k_major else [wide, deep]
        line, offset = line_of(problem), problem.a_offset
        return tiled(problem.a, problem.a_k_major, axes, problem.batch, "a", offset, line=line)
    if problem.op != "conv" or root.inputs[0].type.rank != 4:
        return "A's rows have no stride of their own"
    return _gathered(problem, root)


def _gathered(problem: Problem, root: Operation) -> BulkOperand | str:
    """The input of a convolution, by im2col.

    The last copy of a pixel may reach past its channels, where zeros are; that of a group would copy the next
    group's channels.
    """
    x, y = root.inputs[0].type, root.result.type
    line = line_of(problem)
    if not isinstance(problem.channels, int):
        return "how many channels a pixel has is not known"
    if problem.batch and is_ragged(problem):
        return "an im2col copy of more channels than a group has would bring the next one's"
    if line > MOST_REACH * problem.channels * problem.a.bytes:
        return "an im2col copy would have many more channels than there are"
    pads = tuple(root.attributes["pads"]) or (0,) * 4
    taps = root.inputs[1].type.shape[2:]
    if not all(isinstance(tap, int) for tap in taps) or min(pads) < 0:
        return "the window is not known, or crops"
    window = Window2d(
        out=(y.shape[2], y.shape[3]),
        taps=tuple(int(str(tap)) for tap in taps),  # type: ignore[arg-type]
        strides=tuple(root.attributes["strides"]) or (1, 1),
        dilations=tuple(root.attributes["dilations"]) or (1, 1),
        before=(pads[0], pads[1]),
        after=(pads[2], pads[3]),
    )
    dims = (x.shape[1], x.shape[3], x.shape[2], x.shape[0])
    strides = tuple(x.strides[axis] * problem.a.bytes for axis in (3, 2, 0))
    channels = problem.channels if problem.batch else 0
    found = BulkOperand(problem.a, True, dims, strides, window=window, channels=channels, line=line)
    return _checked(found, problem.a_offset)


def operand_b(problem: Problem) -> BulkOperand | str:
    """B of PROBLEM; why bulk copies cannot bring it."""
    if problem.b_start * problem.b.bytes < COPY_BYTES:
        return "B's columns do not begin at multiples of 16 bytes of its buffer"
    deep, wide = (problem.channels, problem.b_k_step), (problem.n, problem.b_n_step)
    line, offset = line_of(problem), problem.b_offset
    if problem.taps == 1:
        axes = [deep, wide] if problem.b_k_major else [wide, deep]
        return tiled(problem.b, problem.b_k_major, axes, problem.batch, "b", offset, line=line)
    if not problem.b_k_major:
        return "B has several taps and is not K-major"
    taps = line == LINE_BYTES or is_ragged(problem)  # otherwise no line reaches past the channels of its tap
    axes = [deep, (problem.taps, problem.channels), wide] if taps else [(problem.k, 1), wide]
    return tiled(problem.b, True, axes, problem.batch, "b", offset, taps=taps, line=line)


def tiled(
    dtype: DType,
    k_major: bool,
    axes: list[tuple[Dim, Dim]],
    batch: tuple[BatchAxis, ...],
    role: str,
    offset: Dim,
    taps: bool = False,
    line: int = LINE_BYTES,
) -> BulkOperand | str:
    """An operand whose tiles are boxes, from OFFSET on; AXES and BATCH have sizes and steps in elements."""
    steps = [axis.a_step if role == "a" else axis.b_step for axis in batch]
    own = tuple(index for index, step in enumerate(steps) if step != 0)
    sizes = [*axes, *((batch[index].extent, steps[index]) for index in own)]
    dims = tuple(size for size, _ in sizes)
    strides = tuple(step * dtype.bytes for _, step in sizes[1:])
    return _checked(BulkOperand(dtype, k_major, dims, strides, taps=taps, batch=own, line=line), offset)


def _checked(operand: BulkOperand, offset: Dim) -> BulkOperand | str:
    """OPERAND, which begins OFFSET elements into its rows; its map ends where the operand does."""
    if len(operand.dims) > MOST_DIMS:
        return "a tensor map would have too many dimensions"
    if offset != 0:
        end = offset + operand.dims[0]
        row = exact_div(operand.strides[0], operand.dtype.bytes)
        if not (isinstance(offset, int) and isinstance(end, int) and isinstance(row, int)) or end > row:
            return "the operand does not begin within the first row of its buffer"
        operand = replace(operand, dims=(end, *operand.dims[1:]), first=offset)
    fault = operand.map(0, ROWS).fault()
    return operand if fault is None else f"the tensor map of an operand {fault}"
