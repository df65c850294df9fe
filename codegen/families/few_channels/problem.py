"""A convolution of few channels: the image as it lies in memory, and the window over its pixels."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.dtypes import BF16, F16, F32, I8, I32, U8, DType
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Cast
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ..contraction.axes import RowAxis, Window
from ..contraction.binding import Contraction
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.tile import has_too_many_rows
from .window import LineOfTaps, line_of_taps

MOST_CHANNELS = 8
MOST_CHUNKS = 128  # of a window: shared memory has room for those of 32 columns on every target
MOST_MATRICES = 144  # in registers beside the accumulators of 32 columns
STEP_BYTES = 2 * COPY_BYTES  # of k in one instruction
# By the types of the operands: the accumulators, and the feature that mma.sync of them needs.
MATH = {
    (F16, F16): (F32, Feature.MMA_F16),
    (BF16, BF16): (F32, Feature.MMA_BF16),
    (I8, I8): (I32, Feature.MMA_I8),
    (U8, I8): (I32, Feature.MMA_I8),
    (I8, U8): (I32, Feature.MMA_I8),
    (U8, U8): (I32, Feature.MMA_I8),
}


@dataclass(frozen=True)
class Side:
    """Height or width: `out` positions of the result; `size` of the image, whose elements lie `step` apart;
    the window over it."""

    out: Dim
    size: Dim
    step: Dim
    window: Window


@dataclass(frozen=True)
class Image:
    """The input of `problem`, a convolution over height and width: `images` of `channels` planes each.

    image_step, channel_step: the distances between them in elements. line: the taps of a line of the window,
    as they lie in shared memory.
    """

    problem: Problem
    images: Dim
    image_step: Dim
    channels: int
    channel_step: Dim
    height: Side
    width: Side
    line: LineOfTaps

    @property
    def lines(self) -> int:
        """Lines of the window."""
        return self.height.window.taps

    @property
    def matrices(self) -> int:
        """Matrices of eight outputs by a chunk that a warp's two lines of outputs read."""
        return matrices(self.height.window, self.line)

    @property
    def steps(self) -> int:
        """Instructions along k for one tile."""
        return -(-self.lines * self.line.chunks // 2)


def matrices(window: Window, line: LineOfTaps) -> int:
    """Lines of the image that two neighbouring outputs read by WINDOW, times the chunks of LINE."""
    lines = {tap * window.dilation + below * window.stride for tap in range(window.taps) for below in (0, 1)}
    return len(lines) * line.chunks


def line_of(op: Conv, operands: DType) -> LineOfTaps | None:
    """A line of the window of OP, multiplying in OPERANDS; None where kernels of few channels do not compute
    it."""
    channels, taps = op.w.type.shape[1], op.w.type.shape[2:]
    weights = operands if op.w.type.dtype.is_float else op.w.type.dtype
    if op.groups != 1 or len(taps) != 2 or not isinstance(channels, int) or channels > MOST_CHANNELS:
        return None
    if (operands, weights) not in MATH or not all(isinstance(count, int) for count in taps):
        return None
    pads = tuple(op.pads) or (0,) * 4
    if any(op.window[axis] == 1 and not pads[axis] and pads[axis + 2] <= 0 for axis in (0, 1)):
        return None
    strides, dilations = (tuple(each or (1, 1)) for each in (op.strides, op.dilations))
    height, width = (
        Window(op.window[axis], strides[axis], dilations[axis], pads[axis], 0, True) for axis in (0, 1)
    )
    line = line_of_taps(width, channels, operands.bytes)
    return line if line is not None and _misfit(height, line) is None else None


def _misfit(height: Window, line: LineOfTaps) -> str | None:
    """Why a window of lines as LINE does not fit; None when it does."""
    if height.taps * line.chunks < 2:
        return "its window is a single pixel"
    fits = height.taps * line.chunks <= MOST_CHUNKS and matrices(height, line) <= MOST_MATRICES
    return None if fits else "its window is too large"


def image_of(contraction: Contraction, target: ArchSpec) -> Image | str:
    """The image that CONTRACTION reads; why kernels of few channels do not compute it."""
    problem = contraction.problem
    if problem.op != "conv" or problem.batch or len(problem.windows) != 2:
        return "not a convolution in one group with a window over height and width"
    if not isinstance(problem.channels, int) or problem.channels > MOST_CHANNELS:
        return f"more than {MOST_CHANNELS} channels"
    sums, needed = MATH.get((problem.a, problem.b), (None, None))
    if sums != problem.accumulate or needed is None or not target.has(needed):
        return f"no product of {problem.a} and {problem.b} with {problem.accumulate} accumulators"
    if contraction.prologue.rows or contraction.prologue.gather is not None:
        return "it computes its input from more than its pixels"
    if has_too_many_rows(problem):
        return "more than 2^31 rows"
    return _image(problem, problem.channels)


def converts_alone(contraction: Contraction) -> bool:
    """Whether the image is only converted from another float type while it is loaded, if at all."""
    if not contraction.prologue.computes:
        return True
    cast, streamed = contraction.root.inputs[0].producer, contraction.prologue.streamed
    return isinstance(cast, Cast) and cast.x is streamed and streamed.type.dtype.is_float and cast.to.is_float


def _image(problem: Problem, channels: int) -> Image | str:
    *before, height, width = problem.rows
    image = before[0] if before else RowAxis(1, 0)
    if len(before) > 1 or height.window is None or width.window is None:
        return "its images do not lie at equal distances"
    line = line_of_taps(width.window, channels, problem.a.bytes)
    if line is None:
        return "outputs that are neighbours do not begin at multiples of 16 bytes"
    misfit = _misfit(height.window, line)
    if misfit is not None:
        return misfit
    sides = [
        Side(axis.extent, axis.window.limit, axis.step, axis.window)
        for axis in (height, width)
        if axis.window
    ]
    return Image(problem, image.extent, image.step, channels, problem.a_k_step, sides[0], sides[1], line)
