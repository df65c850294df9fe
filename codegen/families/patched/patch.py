"""Convolutions as kernels see them that read their taps from a patch of the image in shared memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim
from ....dialects.core.dtypes import DType
from ....dialects.core.tensor_map import TensorMap, rounding_of, swizzle_of
from ...arch.spec import ArchSpec
from ...request.request import Request
from ..contraction.binding import EXACT, Contraction
from ..contraction.problem import Problem
from ..persistent.depth import line_of, promotes, steps_of_last
from ..persistent.family import unsupported
from ..persistent.operands import BulkOperand, Window2d, operand_a, operand_b
from ..persistent.results import BulkResults, bulk_results, pixel_tile

EDGE = 8  # pixels along a line, and lines, of the rows of a product
AXES = 2  # of a window


@dataclass(frozen=True)
class PatchExtents:
    """The sizes of a convolution of stride 1.

    images, height, width: of the result; taps, dilations, before: of the window, along height and width, with
    the padding before; lines: of `line` bytes, in which the channels of a pixel lie, of which the last has
    `last_steps` products along k; n: columns; result_bytes: of a result, residual: whether one is read beside
    them.
    """

    images: Dim
    height: Dim
    width: Dim
    taps: tuple[int, int]
    dilations: tuple[int, int]
    before: tuple[int, int]
    line: int
    lines: int
    last_steps: int
    n: int
    a_bytes: int
    result_bytes: int
    residual: bool
    is_float: bool

    @property
    def spans(self) -> tuple[int, int]:
        """Lines and pixels of a patch more than of its results."""
        y, x = ((taps - 1) * by for taps, by in zip(self.taps, self.dilations, strict=True))
        return y, x


@dataclass(frozen=True)
class PatchOperand:
    """The image, of which bulk copies bring patches, a line of each pixel at a time.

    dims, strides: those of its tensor map, in elements and bytes, channels first; first: see `BulkOperand`.
    """

    dtype: DType
    dims: tuple[Dim, ...]
    strides: tuple[Dim, ...]
    first: int
    line: int

    def map(self, operand: int, high: int, wide: int) -> TensorMap:
        """The map over buffer OPERAND for patches of HIGH lines of WIDE pixels."""
        box = (self.line // self.dtype.bytes, wide, high, 1)
        modes = swizzle_of(self.line), rounding_of(self.dtype)
        return TensorMap.tiled(operand, self.dtype, self.dims, self.strides, box, *modes)


@dataclass(frozen=True)
class PatchedConvolution:
    """A convolution as its kernels see it: both operands, the results, its sizes."""

    a: PatchOperand
    b: BulkOperand
    results: BulkResults
    extents: PatchExtents


def find_convolution(
    request: Request, contraction: Contraction, target: ArchSpec
) -> PatchedConvolution | str:
    """REQUEST's only CONTRACTION as a convolution that kernels compute; why they do not."""
    problem = contraction.problem
    if contraction.has_prologue:
        return "bulk copies compute nothing"
    if contraction.is_exact:
        return EXACT
    reason = "sums are promoted" if promotes(problem) else unsupported(problem, target)
    if reason is not None:
        return reason
    if problem.batch or problem.taps == 1 or not isinstance(problem.n, int):
        return "it has groups, a single tap, or an unknown number of columns"
    a, b = operand_a(problem, contraction.root), operand_b(problem)
    if isinstance(a, str) or isinstance(b, str):
        return a if isinstance(a, str) else str(b)
    if a.window is None or a.window.strides != (1,) * AXES:
        return "its windows are none of an image, or do not lie pixel by pixel"
    results = bulk_results(request, contraction, tile=pixel_tile)
    if results is None:
        return "results do not leave in bulk"
    image = PatchOperand(problem.a, a.dims, a.strides, a.first, a.line)
    fault = image.map(0, EDGE, EDGE).fault()
    if fault is not None:
        return f"the tensor map of an image {fault}"
    return PatchedConvolution(image, b, results, _extents(problem, contraction, a.window, results))


def _extents(
    problem: Problem, contraction: Contraction, window: Window2d, results: BulkResults
) -> PatchExtents:
    channels, n = problem.channels, problem.n
    assert isinstance(channels, int) and isinstance(n, int)
    line = line_of(problem)
    return PatchExtents(
        images=contraction.root.result.type.shape[0],
        height=window.out[0],
        width=window.out[1],
        taps=window.taps,
        dilations=window.dilations,
        before=window.before,
        line=line,
        lines=-(-channels * problem.a.bytes // line),
        last_steps=steps_of_last(problem),
        n=n,
        a_bytes=problem.a.bytes,
        result_bytes=results.result.dtype.bytes,
        residual=results.residual is not None,
        is_float=problem.a.is_float,
    )


def at_optimum(extents: PatchExtents, problem: Problem) -> PatchExtents:
    """EXTENTS at the sizes that kernels of PROBLEM are tuned for."""
    sizes = (problem.at_optimum(size) for size in (extents.images, extents.height, extents.width))
    images, height, width = sizes
    return replace(extents, images=images, height=height, width=width)
