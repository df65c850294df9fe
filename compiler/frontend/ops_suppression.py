"""The importer of NonMaxSuppression: of overlapping boxes, the one with the highest score is kept.

Each iteration of a loop keeps one box per class and image and drops those that overlap it; the loop ends when
none is left. Kept boxes are then selected as NonZero selects: by image, class and step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import BOOL, F32, I64
from ...dialects.graph.binary import (
    Add,
    And,
    Div,
    Equal,
    Greater,
    GreaterEqual,
    Less,
    Max,
    Min,
    Mod,
    Mul,
    Sub,
)
from ...dialects.graph.elementwise import Where
from ...dialects.graph.indexing import Gather, GatherElements, GatherNd, Range
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.reduction import ArgReduce, Reduce
from ...dialects.graph.unary import Not
from .call import Call, Outcome
from .contents import SIZE, Unread
from .counts import whole
from .first_rows import ALL
from .loops import Step, loop
from .ops_selection import flat, places_of, size_value
from .problems import Malformed
from .table import Table
from .tensor import Tensor

LOWEST = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class _Corners:
    """Boxes as the smallest and the largest position along both axes; `area` is negative for none."""

    low: tuple[Tensor, Tensor]
    high: tuple[Tensor, Tensor]
    area: Tensor


def _suppression(call: Call) -> Outcome:
    boxes, scores = call.input(0), call.input(1)
    if boxes.rank != 3 or scores.rank != 3:
        raise Malformed(f"its boxes {boxes.type} and scores {scores.type} do not both have 3 dimensions")
    images, classes, count = scores.shape
    call.require_shape(boxes.shape, (images, count, 4), "there are four numbers for each box that has scores")
    most, limit = _most(call, count)
    there = call.emit(Expand, call.constant(True, BOOL), shape=scores.shape)
    least = _threshold(call, 4)
    if least is not None:
        there = call.emit(Greater, scores, least)
    boxes, scores, there = (
        whole(call.builder, tensor, axis, fill)
        for tensor, axis, fill in ((boxes, 1, 0.0), (scores, 2, LOWEST), (there, 2, False))
    )
    corners = _corners(call, boxes, centred=call.flag("center_point_box"))
    steps = call.builder.sizes_known.counted.largest(most)
    kept = _kept(call, _Selection(call, corners, scores, _threshold(call, 3), limit), there, steps)
    return _selected(call, kept, images, classes, most)


def _most(call: Call, count: Dim) -> tuple[Dim, Tensor | None]:
    """The most boxes of a class, of COUNT, that are kept; and their limit if it depends on data."""
    given = call.optional(2)
    if given is None:
        return 0, None
    sizes = call.builder.sizes_known
    # If only the first rows are read, no class needs more boxes than these.
    read = call.builder.first_rows.most(call.node.output[0]) if call.builder.first_rows else ALL
    most = sizes.derive("min", count, read)
    try:
        limit = call.known_dim(2, "its limit of boxes", SIZE)
    except Unread as error:
        if error.contents:
            raise
        return most, call.emit(Reshape, given, shape=())
    return sizes.derive("min", sizes.derive("max", limit, 0), most), None


def _threshold(call: Call, index: int) -> Tensor | None:
    given = call.optional(index)
    return None if given is None else call.emit(Reshape, given, shape=())


def _corners(call: Call, boxes: Tensor, *, centred: bool) -> Tensor:
    """BOXES [images, boxes, 4] as y and x of the lower corner, then of the upper one."""
    images, count, _ = boxes.shape
    parts = [call.emit(Slice, boxes, starts=(0, 0, place), sizes=(images, count, 2)) for place in (0, 2)]
    if centred:
        half = call.emit(Div, parts[1], call.constant(2, F32))
        ends = [call.emit(op, parts[0], half) for op in (Sub, Add)]
    else:
        ends = [call.emit(op, *parts) for op in (Min, Max)]
    return call.emit(Concat, *ends, axis=2)


def _boxes(call: Call, corners: Tensor, axis: int) -> _Corners:
    """The boxes of CORNERS [images, boxes, 4], of rank 3 with the boxes along AXIS."""
    images, count, _ = corners.shape
    shape = (images, 1, count) if axis == 2 else (images, count, 1)
    columns = [
        call.emit(Slice, corners, starts=(0, 0, place), sizes=(images, count, 1)) for place in range(4)
    ]
    parts = [call.emit(Reshape, column, shape=shape) for column in columns]
    sides = [call.emit(Sub, parts[place + 2], parts[place]) for place in range(2)]
    return _Corners((parts[0], parts[1]), (parts[2], parts[3]), call.emit(Mul, *sides))


@dataclass(frozen=True)
class _Selection:
    """The operands of a step of the selection.

    CORNERS [images, boxes, 4], scores [images, classes, boxes], the overlap from which on a box is dropped,
    and the limit of steps if it depends on data.
    """

    call: Call
    corners: Tensor
    scores: Tensor
    overlap: Tensor | None
    limit: Tensor | None

    def best(self, there: Tensor) -> Tensor:
        """The first box with the highest score among those still THERE: [images, classes, 1]."""
        emit, lowest = self.call.emit, self.call.constant(LOWEST, F32)
        scores = emit(Where, there, emit(Max, self.scores, lowest), self.call.constant(-np.inf, F32))
        return emit(ArgReduce, scores, kind="max", axis=2, keepdims=True)

    def left(self, there: Tensor, best: Tensor) -> Tensor:
        """The boxes still THERE after BEST was kept."""
        emit = self.call.emit
        number = emit(Range, self.call.constant(0, I64), self.call.constant(1, I64), size=there.shape[2])
        dropped = self._overlaps(best)
        others = emit(Not, emit(Equal, number, best))
        return emit(And, emit(And, there, others), emit(Not, dropped))

    def _overlaps(self, best: Tensor) -> Tensor:
        """The boxes that BEST overlaps by more than is allowed: [images, classes, boxes]."""
        call, emit = self.call, self.call.emit
        every = _boxes(call, self.corners, 2)
        one = _boxes(call, emit(GatherNd, self.corners, best, batch_dims=1), 1)
        zero = call.constant(0, F32)
        sides = [
            emit(Max, emit(Sub, emit(Min, a_high, b_high), emit(Max, a_low, b_low)), zero)
            for a_low, a_high, b_low, b_high in zip(one.low, one.high, every.low, every.high, strict=True)
        ]
        common = emit(Mul, *sides)
        united = emit(Sub, emit(Add, one.area, every.area), common)
        found = emit(Greater, emit(Div, common, united), zero if self.overlap is None else self.overlap)
        for number in (common, united, one.area, every.area):
            found = emit(And, found, emit(Greater, number, zero))
        return found


def _kept(call: Call, selection: _Selection, there: Tensor, steps: Dim) -> Tensor:
    """The kept boxes, [images, classes, steps]; -1 where there are no more."""
    emit, none = call.emit, call.constant(-1, I64)
    number = emit(Range, call.constant(0, I64), call.constant(1, I64), size=steps)

    def step(at: Tensor, carried: list[Tensor]) -> Step:
        there, kept = carried
        best = selection.best(there)
        found = emit(GatherElements, there, best, axis=2)
        if selection.limit is not None:
            found = emit(And, found, emit(Less, at, selection.limit))
        now = emit(And, emit(Equal, number, at), found)
        more = emit(Reduce, found, kind="any", axes=(0, 1, 2), keepdims=False)
        return Step([selection.left(there, best), emit(Where, now, best, kept)], more=more)

    images, classes, _ = there.shape
    begin = emit(Expand, none, shape=(images, classes, steps))
    return loop(call.builder, steps, call.constant(True, BOOL), [there, begin], step)[1]


def _selected(call: Call, kept: Tensor, images: Dim, classes: Dim, most: Dim) -> Tensor:
    """The rows (image, class, box) of the KEPT boxes, at most MOST per class."""
    boxes = flat(call, kept)
    found = call.emit(GreaterEqual, boxes, call.constant(0, I64))
    places = places_of(call, found, images * classes * most)
    numbers: list[Tensor] = []
    rest = call.emit(Div, places, size_value(call, kept.shape[2]))
    numbers.append(call.emit(Div, rest, size_value(call, classes)))
    numbers.append(call.emit(Mod, rest, size_value(call, classes)))
    numbers.append(call.emit(Gather, boxes, places, axis=0))
    columns = [call.emit(Reshape, number, shape=(places.shape[0], 1)) for number in numbers]
    return call.emit(Concat, *columns, axis=1)


TABLE: Table = {"NonMaxSuppression": [(10, _suppression)]}
