"""Footprints: which elements of a buffer an access touches, and whether footprints overlap or cover.

A footprint lists counts and strides. The footprints of slices of one buffer are boxes in a common grid,
whose steps are the strides that occur; there, overlap and coverage are questions about intervals. Sizes
may be symbolic. A question that the symbols' ranges do not decide raises `UndecidedFootprint`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...dialects.core.affine import Dim, exact_div, floordiv, total
from ...dialects.core.affine_traversal import evaluate, symbols
from ...dialects.core.bounds import Range, bounds, is_nonnegative, simplify
from ...dialects.core.types import TensorType

LARGE = 1024  # the value of every symbol when strides are sorted

Interval = tuple[Dim, Dim]  # half-open: [from, to)
Box = tuple[Interval, ...]


class UndecidedFootprint(Exception):
    """The symbols' ranges do not decide a question, or the accesses are not boxes of one grid."""


@dataclass(frozen=True)
class Footprint:
    """The elements start + sum of i*stride for 0 <= i < count, for every (count, stride) of `runs`.

    The widest stride comes first. All numbers are in elements.
    """

    start: Dim
    runs: tuple[tuple[Dim, Dim], ...]

    @property
    def last(self) -> Dim:
        """The largest element touched."""
        return total([self.start, *((count - 1) * stride for count, stride in self.runs)])

    def is_injective(self, ranges: Mapping[str, Range]) -> bool:
        """True when no element is touched twice: every stride exceeds the reach of all narrower ones.

        Raises UndecidedFootprint.
        """
        reach: Dim = 0
        ranges = self.where_any(ranges)
        for count, stride in reversed(self.runs):
            if not at_most(reach + 1, stride, ranges):
                return False
            reach = reach + (count - 1) * stride
        return True

    def where_any(self, ranges: Mapping[str, Range]) -> Mapping[str, Range]:
        """RANGES, narrowed to sizes for which the footprint is not empty: factors of counts are positive."""
        names = {name for count, _ in self.runs for name in _factors(count)}
        from_zero = {name for name in names if ranges.get(name, (1, None))[0] < 1}
        if not from_zero:
            return ranges
        return {**ranges, **{name: (1, ranges[name][1]) for name in from_zero}}

    def at(self, values: Mapping[str, int]) -> Footprint:
        """The footprint at VALUES of the symbols."""
        pairs = [(evaluate(count, values), evaluate(stride, values)) for count, stride in self.runs]
        return _normal(evaluate(self.start, values), list(pairs))


def footprint(type: TensorType, start: Dim = 0) -> Footprint | None:
    """The footprint of an access to all of TYPE, from element START of its buffer on; None if empty."""
    if any(size == 0 for size in type.shape):
        return None
    runs: list[tuple[Dim, Dim]] = []
    at = start + type.layout.offset
    for size, stride in zip(type.shape, type.strides, strict=True):
        if size == 1:
            continue
        if _is_negative(stride):
            at, stride = at + (size - 1) * stride, stride * -1
        runs.append((size, stride))
    return _normal(at, runs)


def _is_negative(stride: Dim) -> bool:
    """True when STRIDE is negative for all sizes. One like 4-floordiv(N, 4) is not: it is positive for all
    valid N."""
    high = bounds(stride, {})[1]
    return stride != 0 and high is not None and high <= 0


def _normal(start: Dim, runs: list[tuple[Dim, Dim]]) -> Footprint:
    joined: list[tuple[Dim, Dim]] = []
    for count, stride in sorted(runs, key=lambda run: -typical(run[1])):
        if count == 1:
            continue
        if joined and joined[-1][1] == count * stride:
            joined[-1] = (joined[-1][0] * count, stride)
        else:
            joined.append((count, stride))
    return Footprint(start, tuple(joined))


def _factors(dim: Dim) -> list[str]:
    """The symbols that are factors of DIM."""
    if isinstance(dim, int) or len(dim.terms) != 1:
        return []
    return [atom for atom in dim.terms[0][0] if isinstance(atom, str)]


def typical(dim: Dim) -> int:
    """DIM with every symbol at one large size, as a key to sort strides and starts by."""
    return dim if isinstance(dim, int) else evaluate(dim, dict.fromkeys(symbols(dim), LARGE))


class Grid:
    """The coordinates in which all writes to a buffer are boxes.

    Raises UndecidedFootprint when there are no such coordinates, and where the symbols' ranges do not
    decide a question.
    """

    def __init__(self, writes: Iterable[Footprint], ranges: Mapping[str, Range]) -> None:
        self._ranges = ranges
        strides = {stride for write in writes for _, stride in write.runs} | {1}
        self._steps = sorted(strides, key=typical, reverse=True)
        self._limits: list[Dim | None] = [None]
        for wide, narrow in zip(self._steps, self._steps[1:], strict=False):
            limit = exact_div(wide, narrow)
            if limit is None or typical(narrow) <= 0:
                raise UndecidedFootprint
            self._limits.append(limit)

    def box(self, shape: Footprint) -> Box:
        """The bounding box of SHAPE, exact where SHAPE is contiguous along every axis of the grid.

        Where the symbols make SHAPE empty, some side of the box has length 0.
        """
        ranges = shape.where_any(self._ranges)
        rest, runs, box = shape.start, list(shape.runs), []
        for step, limit in zip(self._steps, self._limits, strict=True):
            low = simplify(floordiv(rest, step), ranges)
            rest = rest - low * step
            length, runs = _along(step, runs)
            if limit is not None and not at_most(low + length, limit, ranges):
                raise UndecidedFootprint
            box.append((low, low + length))
        if runs:
            raise UndecidedFootprint
        return tuple(box)

    def hull(self, shape: Footprint) -> Box:
        """A box around SHAPE, whatever its strides: unlimited along all axes but the widest."""
        step = self._steps[0]
        low, high = (simplify(floordiv(at, step), self._ranges) for at in (shape.start, shape.last))
        return ((low, high + 1), *((0, limit or 1) for limit in self._limits[1:]))

    def disjoint(self, a: Box, b: Box) -> bool:
        """True when boxes A and B are disjoint."""
        undecided = False
        for (low, high), (start, end) in zip(a, b, strict=True):
            for before, after in ((high, start), (end, low)):
                try:
                    if self._at_most(before, after):
                        return True
                except UndecidedFootprint:
                    undecided = True
        if undecided:
            raise UndecidedFootprint
        return False

    def in_row(self, boxes: Sequence[Box], axis: int) -> bool:
        """True when, along AXIS, each of BOXES is known to end before the next one starts."""
        try:
            return all(self._at_most(one[axis][1], other[axis][0]) for one, other in pairwise(boxes))
        except UndecidedFootprint:
            return False

    def covered(self, box: Box, by: Sequence[Box]) -> bool:
        """True when the boxes BY together cover BOX."""
        pieces = [box]
        for other in by:
            pieces = [left for piece in pieces for left in self._without(piece, other)]
            if not pieces:
                return True
        return not pieces

    def _without(self, piece: Box, other: Box) -> list[Box]:
        if self.disjoint(piece, other):
            return [piece]
        left: list[Box] = []
        for axis, ((low, high), (start, end)) in enumerate(zip(piece, other, strict=True)):
            if not self._at_most(start, low):
                left.append((*piece[:axis], (low, start), *piece[axis + 1 :]))
                low = start
            if not self._at_most(high, end):
                left.append((*piece[:axis], (end, high), *piece[axis + 1 :]))
                high = end
            piece = (*piece[:axis], (low, high), *piece[axis + 1 :])
        return left

    def _at_most(self, a: Dim, b: Dim) -> bool:
        return at_most(a, b, self._ranges)


def at_most(a: Dim, b: Dim, ranges: Mapping[str, Range]) -> bool:
    """Whether A <= B for all values of the symbols. Raises UndecidedFootprint if it varies or is unknown."""
    if isinstance(a, int) and isinstance(b, int):
        return a <= b
    if is_nonnegative(b - a, ranges):
        return True
    if is_nonnegative(a - b - 1, ranges):
        return False
    raise UndecidedFootprint


def _along(step: Dim, runs: list[tuple[Dim, Dim]]) -> tuple[Dim, list[tuple[Dim, Dim]]]:
    """How many steps of size STEP the RUNS span, and the runs that are left for narrower steps."""
    length: Dim = 1
    while runs:
        count, stride = runs[0]
        steps = exact_div(stride, step)
        if steps is not None:
            length = length + (count - 1) * steps
            runs = runs[1:]
            continue
        whole, inner = exact_div(count * stride, step), exact_div(step, stride)
        if whole is not None and whole != 1 and inner is not None:
            return length + whole - 1, [(inner, stride), *runs[1:]]
        break
    return length, runs
