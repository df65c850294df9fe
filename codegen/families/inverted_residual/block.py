"""An inverted residual: a contraction that expands channels, if there is one, a depthwise convolution of its
results, and a contraction that projects them to fewer channels.

What is between them is nowhere stored. So each part may take it in whatever layout suits it: channels last.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import TensorType, channels_last
from ...request.request import Request
from ...request.signature import make_signature
from ..contraction import depthwise
from ..contraction.axes import RowAxis
from ..contraction.part import Part, needed, part_of
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.tile import has_too_many_rows
from ..few_channels.problem import MATH
from .extents import InvertedExtents, WindowSide

MOST_TAPS = 49  # of a window: their products are unrolled


@dataclass(frozen=True)
class InvertedResidual:
    """The parts of an inverted residual, each of which reads what the one before it results in."""

    expansion: Part | None
    depthwise: Part
    projection: Part
    extents: InvertedExtents

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, in order."""
        rest = (self.depthwise, self.projection)
        return rest if self.expansion is None else (self.expansion, *rest)


def find_block(request: Request) -> InvertedResidual | str:
    """The inverted residual that REQUEST is; why it is none that kernels compute."""
    parts = _parts(request)
    if isinstance(parts, str):
        return parts
    *before, middle, last = parts
    expansion = before[0] if before else None
    whole = make_signature(request)
    for part in parts:
        own = make_signature(part.request)
        if (own.index_type, own.symbols) != (whole.index_type, whole.symbols):
            return "the code of a part would name other parameters than those of the kernel"
        reason = _unsupported(part, request)
        if reason is not None:
            return reason
    for part in (*before, last):
        reason = _no_product(part.contraction.problem)
        if reason is not None:
            return reason
    reason = depthwise.unsupported(middle.contraction.problem)
    if reason is not None:
        return reason
    extents = _extents(expansion, middle, last)
    return extents if isinstance(extents, str) else InvertedResidual(expansion, middle, last, extents)


def _parts(request: Request) -> list[Part] | str:
    """The two or three contractions of REQUEST's region, in order; why they are no parts of one kernel."""
    roots = [op for op in request.ops if has(op, Trait.CONTRACTION)]
    yielded = request.region.terminator.inputs
    if len(roots) not in (2, 3) or len(yielded) != 1 or request.stacked:
        return "it has neither two nor three contractions"
    between = [root.inputs[0] for root in roots[1:]]
    if any(value.producer is None or len(value.uses) != 1 for value in between):
        return "what is between its contractions has other readers"
    given: list[list[tuple[Value, TensorType]]] = [[]]
    given += [[(value, value.type.with_layout(channels_last(value.type.rank)))] for value in between]
    stored = [each[0][1] for each in given[1:]] + [request.writes[0]]
    found = []
    for root, own, value, type in zip(roots, given, [*between, yielded[0]], stored, strict=True):
        ops = needed(value, [each for each, _ in own])
        if [op for op in roots if op in ops] != [root]:
            return "its contractions do not follow each other"
        part = part_of(request, ops, value, type, own)
        if part is None or part.contraction.has_prologue:
            return "something is computed before a contraction"
        found.append(part)
    return found


def _unsupported(part: Part, request: Request) -> str | None:
    """Why PART of REQUEST is not multiplied; None when it is."""
    problem = part.contraction.problem
    sums, feature = MATH.get((problem.a, problem.b), (None, None))
    if not problem.a.is_float:
        return "bytes are convolved faster by depthwise kernels, four products at a time"
    if problem.op != "conv" or sums != problem.accumulate or feature is None:
        return f"no convolution of {problem.a} and {problem.b} with {problem.accumulate} accumulators"
    if not request.target.has(feature) or problem.a_stored != problem.a:
        return "the target does not multiply its operands, or they are stored in another type"
    return None


def _no_product(problem: Problem) -> str | None:
    """Why PROBLEM is no product of pixels and weights whose lines are whole copies; None when it is."""
    if problem.batch or problem.windows or len(problem.rows) != 1 or has_too_many_rows(problem):
        return "it is no contraction of single pixels, one behind the other"
    if problem.a_k_step != 1 or problem.b_k_step != 1:
        return "its operands do not lie along the channels"
    sizes = (problem.a_vector * problem.a.bytes, problem.b_vector * problem.b.bytes)
    known = isinstance(problem.n, int) and isinstance(problem.k, int)
    return None if known and sizes == (COPY_BYTES, COPY_BYTES) else "its lines are no whole copies"


def _extents(expansion: Part | None, middle: Part, last: Part) -> InvertedExtents | str:
    """The sizes of the parts; why kernels do not have them."""
    window, final = middle.contraction.problem, last.contraction.problem
    first = window if expansion is None else expansion.contraction.problem
    if len(window.rows) < 2:
        return "it has no window over height and width alone"
    *images, height, width = window.rows
    if len(images) > 1 or height.window is None or width.window is None:
        return "it has no window over height and width alone"
    if height.window.dilation != 1 or width.window.dilation != 1 or window.taps > MOST_TAPS:
        return "its window is dilated or has too many taps"
    sides = _side(height), _side(width)
    image = images[0] if images else RowAxis(1, 0)
    counts = (window.batches, first.n if expansion else 0, first.k if expansion else 0, final.n)
    if sides[0] is None or sides[1] is None or not all(isinstance(count, int) for count in counts):
        return "its sizes are not known"
    channels, columns = window.batches, final.n
    depth = first.k if expansion else channels
    assert isinstance(channels, int) and isinstance(columns, int) and isinstance(depth, int)
    if len({part.a.bytes for part in (first, window, final)}) > 1:
        return "its operands have several widths"
    step = first.rows[0].step if expansion else width.step
    line = step * sides[1].size if expansion else height.step
    steps = (step, line, line * sides[0].size if expansion else image.step)
    unit = COPY_BYTES // first.a.bytes
    if channels % unit or columns % 4 or any(not isinstance(each, int) for each in steps):
        return "its channels are no whole copies"
    if expansion is None and any(each % unit for each in (*steps, first.a_offset)):  # type: ignore[operator]
        return "its pixels do not begin at whole copies"
    return InvertedExtents(
        images=image.extent,
        batch=window.at_optimum(image.extent),
        height=sides[0],
        width=sides[1],
        depth=depth,
        channels=channels,
        columns=columns,
        bytes=first.a.bytes,
        expands=expansion is not None,
        steps=steps,  # type: ignore[arg-type]
        offset=first.a_offset,
        result_bytes=final.result_bytes,
    )


def _side(axis: RowAxis) -> WindowSide | None:
    """Height or width of the window; None where its size is not known."""
    window = axis.window
    if window is None or not isinstance(axis.extent, int) or not isinstance(window.limit, int):
        return None
    return WindowSide(axis.extent, window.limit, window.taps, window.stride, window.pad)
