"""What each op needs so that memory beyond a count never matters.

A tensor whose size data decides is in memory for the most elements, and means those at the beginning of every
axis. A rule ensures that the beginnings of an op's results are computed from the beginnings of its operands
alone: it checks that, masks operands, or raises Refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...dialects.core.affine import Dim, product
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Operation, Value
from ...dialects.core.traits import Trait, has
from ...dialects.graph.binary import Add, Div, Less, Max, Min, Mul, Sub
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.convolution import Conv
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.indexing import Gather, GatherElements, GatherNd, OneHot, Range
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.expand import Expand, Tile
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.movement.trilu import Trilu
from ...dialects.graph.normalization import BatchNorm, InstanceNorm, LayerNorm, RmsNorm
from ...dialects.graph.pool import AvgPool, MaxPool
from ...dialects.graph.reduction import ArgReduce, Cumprod, Cumsum, Reduce
from ...dialects.graph.roi_align import RoiAlign
from ...dialects.graph.rois import RoiMaxPool
from ...dialects.graph.scatter import ScatterElements, ScatterNd
from ...dialects.graph.searching import SearchSorted
from ...dialects.graph.softmax import LogSoftmax, Softmax
from ...dialects.graph.sorting import PlacesOfRank, SortRank
from .masks import Masks
from .problems import Refused

Rule = Callable[[Masks, Operation], None]


def apply_rule(masks: Masks, op: Operation) -> None:
    """Make OP right for sizes that data decides. Raises Refused where that is not possible."""
    rule = RULES.get(type(op))
    if rule is not None:
        rule(masks, op)
    elif not has(op, Trait.ELEMENTWISE):
        raise Refused(f"{op.name} on a size that depends on data is not supported")


def highest(dtype: DType) -> float | int:
    """A number that comes after all others where they are in ascending order, NaN being the largest."""
    return float("nan") if dtype.is_float else dtype.limits[1]


def _as_it_is(masks: Masks, op: Operation) -> None:
    """Each element of the result is one of the operand, or a function of its position."""


def _fill(masks: Masks, op: Operation, place: int, axes: Sequence[int], fill: float | bool) -> None:
    """Mask operand PLACE of OP along AXES."""
    value = op.operands[place]
    assert value is not None  # it is required
    for axis in axes:
        value = masks.filled(value, axis, fill)
    op.set_operand(place, value)


def _only_first(masks: Masks, op: Operation) -> None:
    """Data decides the number of images, of which each gives one result."""
    x, *others = op.inputs
    if masks.counted_axes(x) != [0] or any(masks.counted_axes(other) for other in others):
        raise Refused(f"{op.name} is supported where the batch alone depends on data")


# ---------------------------------------------------------------- movement


def _reshape(masks: Masks, op: Operation) -> None:
    """Elements keep their places where what data decides is the outermost size of those that are merged."""
    assert isinstance(op, Reshape)
    have = [size for size in op.x.type.shape if size != 1]
    want = [size for size in op.y.type.shape if size != 1]
    while have or want:
        ends = [(a, b) for a in range(1, len(have) + 1) for b in range(1, len(want) + 1)]
        met = next(((a, b) for a, b in ends if product(have[:a]) == product(want[:b])), None)
        inner = [*have[1 : met[0]], *want[1 : met[1]]] if met is not None else []
        if met is None or masks.depends(*inner):
            shapes = f"from {op.x.type} to {op.y.type}"
            raise Refused(f"it changes where elements are, {shapes}, and that depends on data")
        have, want = have[met[0] :], want[met[1] :]


def _slice(masks: Masks, op: Operation) -> None:
    """Along axes that it goes through from where data decides, positions are computed and gathered."""
    assert isinstance(op, Slice)
    x, starts, steps = op.x, list(op.starts), list(op.step_list)
    backwards = {axis for axis in masks.counted_axes(x) if steps[axis] < 0}
    for axis, start in enumerate(op.starts):
        if axis in backwards or masks.depends(start):
            number = masks.emit(Range, masks.count(0), masks.count(1), size=op.sizes[axis])
            at = masks.emit(Add, masks.count(start), masks.emit(Mul, number, masks.count(steps[axis])))
            last = masks.count(masks.counted.largest(x.type.shape[axis]) - 1)
            inside = masks.emit(Max, masks.emit(Min, at, last), masks.count(0))
            x = masks.emit(Gather, x, inside, axis=axis)
            starts[axis], steps[axis] = 0, 1
    op.set_operand(0, x)
    op.attributes |= {"starts": tuple(starts), "steps": tuple(steps)}


def _pad(masks: Masks, op: Operation) -> None:
    assert isinstance(op, Pad)
    x = op.x
    fill = op.value if op.value is not None else masks.constant(0, x)
    if masks.depends(*op.begins):
        raise Refused("how much it pads before x depends on data")
    for axis in masks.counted_axes(x):
        begin, end = op.begins[axis], op.ends[axis]
        if op.mode != "constant" and (begin != 0 or end != 0):
            raise Refused(f"what it pads axis {axis} with depends on data")
        x = masks.filled(x, axis, fill) if end != 0 else x
    largest = masks.counted.largest
    sizes = [(largest(a), largest(b)) for a, b in zip(op.x.type.shape, op.y.type.shape, strict=True)]
    ends = [new - old - begin for (old, new), begin in zip(sizes, op.begins, strict=True)]
    op.set_operand(0, x)
    op.attributes["pads"] = (*op.begins, *ends)


def _concat(masks: Masks, op: Operation) -> None:
    """Parts that follow one whose size data decides are gathered from behind its memory."""
    assert isinstance(op, Concat)
    axis = op.axis % op.y.type.rank
    sizes = [value.type.shape[axis] for value in op.parts]
    if not masks.depends(*sizes[:-1]):
        return
    end = op.next
    assert end is not None  # an op is no terminator
    masks.place = end
    size = op.y.type.shape[axis]
    number = masks.emit(Range, masks.count(0), masks.count(1), size=size)
    at, begin = number, masks.count(0)
    for part in sizes[:-1]:
        begin = masks.emit(Add, begin, masks.count(part))
        gap = masks.emit(Sub, masks.count(masks.counted.largest(part)), masks.count(part))
        before = masks.emit(Less, number, begin)
        at = masks.emit(Add, at, masks.emit(Where, before, masks.count(0), gap))
    users = list(op.y.uses)
    gathered = masks.emit(Gather, op.y, at, axis=axis, spare=True)
    for user, index in users:
        user.set_operand(index, gathered)


def _tile(masks: Masks, op: Operation) -> None:
    assert isinstance(op, Tile)
    if any(op.repeats[axis] != 1 for axis in masks.counted_axes(op.x)):
        raise Refused("what it repeats depends on data")


def _trilu(masks: Masks, op: Operation) -> None:
    assert isinstance(op, Trilu)
    if masks.depends(op.k):
        raise Refused("which diagonal it keeps depends on data")


# ---------------------------------------------------------------- positions


def _wrapped(masks: Masks, op: Operation, sizes: Sequence[Dim]) -> None:
    """Count negative indices of OP from the true ends of SIZES, one for all or one for each position."""
    if not masks.depends(*sizes):
        return
    indices = op.operands[1]
    assert indices is not None  # it is required
    counts = [masks.count(size) for size in sizes]
    rows = [masks.emit(Reshape, count, shape=(1,)) for count in counts] if len(counts) > 1 else []
    ends = masks.emit(Concat, *rows, axis=0) if rows else counts[0]
    ends = masks.emit(Cast, ends, to=indices.type.dtype)
    negative = masks.emit(Less, indices, masks.constant(0, indices))
    op.set_operand(1, masks.emit(Where, negative, masks.emit(Add, indices, ends), indices))


def _gather(masks: Masks, op: Operation) -> None:
    assert isinstance(op, (Gather, GatherElements, GatherNd))
    _wrapped(masks, op, [op.x.type.shape[axis] for axis in op.indexed])
    op.attributes["spare"] = bool(masks.counted_axes(op.indices))


def _one_hot(masks: Masks, op: Operation) -> None:
    assert isinstance(op, OneHot)
    if masks.depends(op.depth):
        raise Refused("its depth depends on data")


def _scatter(masks: Masks, op: Operation) -> None:
    """Updates that are only memory are at an index that nothing has, and so dropped."""
    assert isinstance(op, (ScatterElements, ScatterNd))
    elements = isinstance(op, ScatterElements)
    axes = [op.axis % op.x.type.rank] if isinstance(op, ScatterElements) else list(range(op.depth))
    _wrapped(masks, op, [op.x.type.shape[axis] for axis in axes])
    op.attributes["spare"] = bool(masks.counted_axes(op.indices))
    rank = op.indices.type.rank
    _fill(masks, op, 1, range(rank if elements else rank - 1), int(np.iinfo(op.indices.type.dtype.numpy).max))


def _sort(masks: Masks, op: Operation) -> None:
    assert isinstance(op, SortRank)
    dtype = op.x.type.dtype
    _fill(masks, op, 0, [op.axis % op.x.type.rank], dtype.limits[0] if op.descending else highest(dtype))


def _search(masks: Masks, op: Operation) -> None:
    assert isinstance(op, SearchSorted)
    _fill(masks, op, 0, [0], highest(op.inputs[0].type.dtype))


# ---------------------------------------------------------------- reductions


def _reduce(masks: Masks, op: Operation) -> None:
    assert isinstance(op, Reduce)
    axes = [axis for axis in op.axes if masks.depends(op.x.type.shape[axis])]
    if not axes:
        return
    dtype = op.x.type.dtype
    if op.kind == "mean":
        _mean(masks, op)
    _fill(masks, op, 0, axes, _neutral(op.kind, dtype))


def _neutral(kind: str, dtype: DType) -> float | bool:
    """The neutral element of a reduction of KIND."""
    if kind == "max":
        return dtype.limits[0]
    if kind == "min":
        return dtype.limits[1]
    return {"sum": 0, "prod": 1, "any": False, "all": True}[kind]


def _mean(masks: Masks, op: Reduce) -> None:
    """Make OP a sum that is divided by the true count."""
    op.attributes["kind"] = "sum"
    _after(masks, op, Div, masks.emit(Cast, masks.count(op.count), to=op.y.type.dtype))


def _after(masks: Masks, op: Reduce | ArgReduce, kind: type[Operation], operand: Value) -> None:
    """Let the users of OP read what KIND makes of its result and OPERAND."""
    before, users = masks.place, list(op.y.uses)
    assert op.next is not None  # an op is no terminator
    masks.place = op.next
    made = masks.emit(kind, op.y, operand)
    for user, index in users:
        user.set_operand(index, made)
    masks.place = before


def _arg_reduce(masks: Masks, op: Operation) -> None:
    assert isinstance(op, ArgReduce)
    dtype = op.x.type.dtype
    if op.select_last and masks.depends(op.x.type.shape[op.axis]):
        # Where all elements are like what fills the memory behind them, the last one there is meant.
        _after(masks, op, Min, masks.emit(Sub, masks.count(op.x.type.shape[op.axis]), masks.count(1)))
    _fill(masks, op, 0, [op.axis], dtype.limits[0] if op.kind == "max" else highest(dtype))


def _running(neutral: int) -> Rule:
    def rule(masks: Masks, op: Operation) -> None:
        assert isinstance(op, (Cumsum, Cumprod))
        _fill(masks, op, 0, [op.axis] if op.reverse else [], neutral)

    return rule


def _softmax(masks: Masks, op: Operation) -> None:
    assert isinstance(op, (Softmax, LogSoftmax))
    _fill(masks, op, 0, [op.axis], op.x.type.dtype.limits[0])


def _normalized(masks: Masks, op: Operation) -> None:
    assert isinstance(op, (LayerNorm, RmsNorm, InstanceNorm))
    if masks.depends(*(op.x.type.shape[axis] for axis in op.axes)):
        raise Refused("what it normalizes depends on data")


def _matmul(masks: Masks, op: Operation) -> None:
    """Products over a size that data decides are of zeros in what is only memory."""
    assert isinstance(op, Matmul)
    if masks.depends(op.extents[2]):
        inner = (-2 if op.transpose_a else -1, -1 if op.transpose_b else -2)
        for place, axis in enumerate(inner):
            _fill(masks, op, place, [op.inputs[place].type.rank + axis], 0)


def _regions(masks: Masks, op: Operation) -> None:
    assert isinstance(op, (RoiAlign, RoiMaxPool))
    if masks.counted_axes(op.x):
        raise Refused("the images that it takes regions of depend on data")
    op.attributes["spare"] = bool(masks.counted_axes(op.rois))


RULES: Mapping[type[Operation], Rule] = {
    **dict.fromkeys((BatchNorm, Expand, PlacesOfRank, Range, Transpose), _as_it_is),
    **dict.fromkeys((Conv, AvgPool, MaxPool), _only_first),
    **dict.fromkeys((Gather, GatherElements, GatherNd), _gather),
    **dict.fromkeys((InstanceNorm, LayerNorm, RmsNorm), _normalized),
    **dict.fromkeys((LogSoftmax, Softmax), _softmax),
    **dict.fromkeys((RoiAlign, RoiMaxPool), _regions),
    **dict.fromkeys((ScatterElements, ScatterNd), _scatter),
    ArgReduce: _arg_reduce,
    Concat: _concat,
    Cumprod: _running(1),
    Cumsum: _running(0),
    Matmul: _matmul,
    OneHot: _one_hot,
    Pad: _pad,
    Reduce: _reduce,
    Reshape: _reshape,
    SearchSorted: _search,
    Slice: _slice,
    SortRank: _sort,
    Tile: _tile,
    Trilu: _trilu,
}
