"""Folds graph ops on tensors of symbolic sizes: shape arithmetic, op by op.

Movement ops only move elements, so their numpy evaluation also works on object arrays. Arithmetic is done by
`symbolic.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...dialects.core.interpreter import Evaluation
from ...dialects.core.ir import Operation
from ...dialects.core.sizes.sizes import Sizes
from ...dialects.graph import binary, elementwise, indexing, reduction, unary
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.expand import Expand, Tile
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from . import symbolic
from .symbolic import Array, Scalar, Undecided

_MOVEMENT = (Reshape, Transpose, Slice, Concat, Expand, Tile)

_BINARY: dict[type[Operation], Callable[[Scalar, Scalar, Sizes], Scalar]] = {
    binary.Add: symbolic.add,
    binary.Sub: symbolic.sub,
    binary.Mul: symbolic.mul,
    binary.Min: symbolic.minimum,
    binary.Max: symbolic.maximum,
    binary.Equal: symbolic.equal,
    binary.Less: symbolic.less,
    binary.LessEqual: symbolic.less_equal,
    binary.Greater: symbolic.greater,
    binary.GreaterEqual: symbolic.greater_equal,
}

_REDUCTIONS: dict[str, Callable[[Scalar, Scalar, Sizes], Scalar]] = {
    "sum": symbolic.add,
    "prod": symbolic.mul,
    "max": symbolic.maximum,
    "min": symbolic.minimum,
}


def fold_sizes(
    op: Operation, contents: Sequence[Array | None], evaluation: Evaluation, sizes: Sizes
) -> Array | None:
    """The result of OP on CONTENTS as an object array; None for ops that are not part of shape arithmetic.

    Raises Undecided if no size expression can express how the result depends on symbols.
    """
    present = [content for content in contents if content is not None]
    if isinstance(op, _MOVEMENT):
        return np.asarray(op.evaluate(evaluation, *(_lifted(content) for content in present)), dtype=object)
    if isinstance(op, indexing.Gather):
        return _gather(op, present, evaluation)
    if isinstance(op, elementwise.Where):
        return _where(present, sizes)
    if isinstance(op, reduction.Reduce):
        return _reduce(op, _lifted(present[0]), sizes)
    return _arithmetic(op, [_lifted(content) for content in present], sizes)


def _lifted(content: Array) -> Array:
    return content if content.dtype == object else symbolic.lift(content)


def _arithmetic(op: Operation, arrays: list[Array], sizes: Sizes) -> Array | None:
    function = _BINARY.get(type(op))
    if function is not None:
        return symbolic.apply(lambda a, b: function(a, b, sizes), arrays)
    if isinstance(op, binary.Div):
        divide = symbolic.real_div if op.x.type.dtype.is_float else symbolic.integer_div
        return symbolic.apply(lambda a, b: divide(a, b, sizes), arrays)
    if isinstance(op, binary.Mod) and not op.fmod:
        return symbolic.apply(lambda a, b: symbolic.modulo(a, b, sizes), arrays)
    if isinstance(op, unary.Neg):
        return symbolic.apply(lambda a: symbolic.sub(0, a, sizes), arrays)
    if isinstance(op, unary.Floor):
        return symbolic.apply(lambda a: symbolic.floor(a, sizes), arrays)
    if isinstance(op, unary.Ceil):
        return symbolic.apply(lambda a: symbolic.ceil(a, sizes), arrays)
    if isinstance(op, elementwise.Cast):
        return _cast(op, arrays[0], sizes)
    return None


def _cast(op: elementwise.Cast, array: Array, sizes: Sizes) -> Array | None:
    if op.to.is_float:
        return array
    if op.to.is_integer:
        return symbolic.apply(lambda a: symbolic.truncate(a, sizes), [array])
    return None


def _gather(op: indexing.Gather, contents: Sequence[Array], evaluation: Evaluation) -> Array:
    data, indices = contents
    if indices.dtype == object:
        raise Undecided("an index is symbolic")
    return np.asarray(op.evaluate(evaluation, _lifted(data), indices), dtype=object)


def _where(contents: Sequence[Array], sizes: Sizes) -> Array:
    return symbolic.apply(lambda c, x, y: _chosen(c, x, y, sizes), [_lifted(content) for content in contents])


def _chosen(condition: Scalar, x: Scalar, y: Scalar, sizes: Sizes) -> Scalar:
    """X if CONDITION, which is 0 or 1, is 1, else Y."""
    (a, p), (b, q) = symbolic.parts(x), symbolic.parts(y)
    truth, _ = symbolic.parts(condition)
    if p != q:
        raise Undecided("a choice between fractions")
    return symbolic.ratio(symbolic.choose(truth - 1, a, b, sizes), p)


def _reduce(op: reduction.Reduce, array: Array, sizes: Sizes) -> Array | None:
    combine = _REDUCTIONS.get(op.kind)
    if combine is None or len(op.axes) != array.ndim or array.size == 0:
        return None
    total, *rest = array.reshape(-1)
    for item in rest:
        total = combine(total, item, sizes)
    return symbolic.object_array([total], (1,) * array.ndim if op.keepdims else ())
