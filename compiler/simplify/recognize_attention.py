"""Patterns that recognize scaled dot-product attention in the ops that exporters emit.

The spellings differ in where the scale is applied (to the scores, to q, or its root to q and to k), how
k is transposed, how masks are applied (added, or selected with a large negative number), and whether
queries with all keys masked out are guarded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from ...dialects.core.dtypes import BOOL
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.attention import Attention
from ...dialects.graph.binary import Add, And, Equal, Mul
from ...dialects.graph.constants import Constant, constant
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.movement.reshape import Transpose
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.softmax import Softmax
from ...dialects.graph.unary import Isnan, Not
from ..patterns.matching import is_splat, only_use, produced_by
from ..patterns.rewrite import Rewriter, pattern
from ..patterns.spelling import MOST_DEPTH, orders, scalar, scalings

MOST_GUARDS = 6  # most ops between the scores and a guard's condition


@dataclass(frozen=True)
class _Weights:
    """The left operand of the second product: softmax(scores), guarded or not; `absorbed` computes it."""

    scores: Value
    guarded: bool
    absorbed: tuple[Operation, ...]


@dataclass(frozen=True)
class _Scores:
    """The scores: scale * q k^T with masks.

    added: masks that are added, each with a factor; kept: conditions, each with True if inverted, that must
    all hold for a score to be kept; where one does not, the score is `fill`.
    """

    product: Matmul
    scale: float
    added: tuple[tuple[Value, float], ...] = ()
    kept: tuple[tuple[Value, bool], ...] = ()
    fill: float = -math.inf
    absorbed: tuple[Operation, ...] = field(default=())


@pattern("attention", Matmul)
def attention(op: Matmul, rewriter: Rewriter) -> bool:
    """matmul(softmax(scale * matmul(q, transpose(k)) + mask), v) => attention{scale}(q, k, v, mask)"""
    weights = None if op.transpose_a else _weights(op.a, rewriter.module)
    scores = _scores(weights.scores, rewriter.module) if weights is not None else None
    if weights is None or scores is None or not _fits(op, scores):
        return False
    q, k, scale = _operands(scores, rewriter)
    v = _swapped(op.b, rewriter) if op.transpose_b else op.b
    new = Attention(
        q, k, v, _mask(scores, rewriter), scale=scale, guarded=weights.guarded, fill=scores.fill,
        accumulate=op.accumulate,
    )  # fmt: skip
    rewriter.insert(new)
    rewriter.replace(op, new.result, absorbed=[*weights.absorbed, *scores.absorbed, scores.product])
    return True


def _fits(op: Matmul, scores: _Scores) -> bool:
    """True when the scores are not broadcast, both products have one float type, and keys and values are
    computed: with constant weights in their place, the products are ordinary layers."""
    a = scores.product.a.type
    known = any(isinstance(value.producer, Constant) for value in (scores.product.b, op.b))
    narrow = scores.product.result.type.shape == op.a.type.shape
    same = a.dtype == op.a.type.dtype == op.b.type.dtype
    return not known and narrow and same and a.dtype.is_float


# ---------------------------------------------------------------- from softmax to the values


def _weights(value: Value, module: Module) -> _Weights | None:
    """VALUE as a softmax along the last axis, looked for through guards and float casts."""
    guarded, absorbed = False, []
    for _ in range(MOST_DEPTH):
        op = value.producer
        if op is None or (not guarded and not only_use(value)):
            return None
        absorbed.append(op)
        if isinstance(op, Softmax):
            last = op.axis % op.x.type.rank == op.x.type.rank - 1
            return _Weights(op.x, guarded, tuple(absorbed)) if last else None
        if isinstance(op, Cast) and op.x.type.dtype.is_float and op.x.type.dtype.bits >= op.to.bits:
            value = op.x
        elif isinstance(op, Where) and not guarded and _guards(op, module):
            value, guarded = op.y, True
        else:
            return None
    return None


def _guards(op: Where, module: Module) -> bool:
    """True for where(isnan(p), 0, p), and for where(all keys are masked out, 0, p), with p = softmax(x)."""
    if not is_splat(op.x, 0, module) or op.y.type.shape != op.result.type.shape:
        return False
    isnan = produced_by(op.condition, Isnan)
    if isnan is not None:
        return isnan.x is op.y and set(op.y.users) == {op, isnan}
    softmax = produced_by(op.y, Softmax)
    return softmax is not None and only_use(op.y) and _all_are_minus_infinity(op.condition, softmax.x, module)


def _all_are_minus_infinity(value: Value, scores: Value, module: Module) -> bool:
    """True when VALUE is, for each row of SCORES, whether all its elements are minus infinity."""
    negations = [0, 0]  # outside and inside the reduction
    kind = ""
    for _ in range(MOST_GUARDS):
        op = value.producer
        if isinstance(op, Equal):
            same = any(x is scores and scalar(y, module) == -math.inf for x, y in orders(op))
            every = (kind in ("all", "min"), kind in ("any", "max"))
            flips = negations[0] % 2, negations[1] % 2
            return same and ((every[0] and flips == (0, 0)) or (every[1] and flips == (1, 1)))
        if isinstance(op, Not):
            negations[bool(kind)] += 1
        elif isinstance(op, Reduce) and not kind and tuple(op.axes) == (op.x.type.rank - 1,) and op.keepdims:
            kind = str(op.kind)
        elif not isinstance(op, Cast):
            return False
        value = op.inputs[0]
    return False


# ---------------------------------------------------------------- from the product to softmax


def _scores(value: Value, module: Module) -> _Scores | None:
    """VALUE as a product of queries and keys with scales and masks; None when it is anything else."""
    factor = 1.0
    absorbed: list[Operation] = []
    found: _Scores | None = None
    added: list[tuple[Value, float]] = []
    kept: list[tuple[Value, bool]] = []
    fill = -math.inf
    for _ in range(2 * MOST_DEPTH):
        op = value.producer
        if op is None or (absorbed and not only_use(value)):
            return None
        absorbed.append(op)
        selected = _selected(op, module) if isinstance(op, Where) else None
        scaled = list(scalings(value, module))[1:2]
        if isinstance(op, Matmul):
            found = _Scores(op, factor, tuple(added), absorbed=tuple(absorbed[:-1]))
            break
        if scaled:
            value, factor = scaled[0][0], factor * scaled[0][1]
        elif isinstance(op, Cast) and op.to.is_float and op.x.type.dtype.is_float:
            value = op.x
        elif isinstance(op, Add):
            inner, mask = _split_sum(op, module)
            if inner is None or mask is None:
                return None
            value = inner
            added.append((mask, factor))
        elif selected is not None and not added and (not kept or selected[3] * factor == fill):
            value, fill = selected[0], selected[3] * factor
            kept.append((selected[1], selected[2]))
        else:
            return None
    if found is None or (kept and (added or factor <= 0)):
        return None
    return replace(found, kept=tuple(kept), fill=fill)


def _split_sum(op: Add, module: Module) -> tuple[Value | None, Value | None]:
    """OP's operands as (scores, mask), where scores come from a product; (None, None) when neither does."""
    for inner, mask in orders(op):
        if inner.type.shape == op.result.type.shape and _leads_to_product(inner, module):
            return inner, mask
    return None, None


def _leads_to_product(value: Value, module: Module) -> bool:
    """True when VALUE is a product of two computed tensors, with any scales, masks and casts applied."""
    for _ in range(2 * MOST_DEPTH):
        op = value.producer
        if isinstance(op, Matmul):
            return not isinstance(op.b.producer, Constant)
        scaled = list(scalings(value, module))[1:2]
        if scaled:
            value = scaled[0][0]
        elif isinstance(op, Cast):
            value = op.x
        elif isinstance(op, Add):
            inner, _ = _split_sum(op, module)
            return inner is not None
        elif isinstance(op, Where) and _selected(op, module) is not None:
            value = (_selected(op, module) or (op.x,))[0]
        else:
            return False
    return False


def _selected(op: Where, module: Module) -> tuple[Value, Value, bool, float] | None:
    """(scores, condition, inverted, fill) for where(condition, scores, fill), or inverted the other way."""
    for scores, other, inverted in ((op.x, op.y, False), (op.y, op.x, True)):
        fill = scalar(other, module)
        if fill is not None and fill < 0 and scores.type.shape == op.result.type.shape:
            return scores, op.condition, inverted, fill
    return None


# ---------------------------------------------------------------- operands


def _operands(scores: _Scores, rewriter: Rewriter) -> tuple[Value, Value, float]:
    """q and k before they were scaled and transposed for the product, and the combined scale."""
    product = scores.product
    q, first = _plain(product.a, product.transpose_a, rewriter)
    k, second = _plain(product.b, not product.transpose_b, rewriter)
    return q, k, scores.scale * first * second


def _plain(value: Value, swap: bool, rewriter: Rewriter) -> tuple[Value, float]:
    """VALUE without its scale, with its last two dimensions swapped if SWAP, and that scale."""
    *_, (value, factor) = scalings(value, rewriter.module)
    transpose = produced_by(value, Transpose)
    if transpose is not None:
        *_, (inner, more) = scalings(transpose.x, rewriter.module)
        if more != 1.0:
            value = rewriter.insert(Transpose(inner, perm=transpose.perm)).result
            factor *= more
    return (_swapped(value, rewriter) if swap else value), factor


def _swapped(value: Value, rewriter: Rewriter) -> Value:
    rank = value.type.rank
    perm = [*range(rank - 2), rank - 1, rank - 2]
    return rewriter.insert(Transpose(value, perm=perm)).result


def _mask(scores: _Scores, rewriter: Rewriter) -> Value | None:
    """The mask operand: the conjunction of the conditions, or the sum of the added masks; or None."""
    if scores.kept:
        return _all_hold(scores.kept, rewriter)
    total: Value | None = None
    for mask, factor in reversed(scores.added):
        if factor != 1.0:
            number = np.asarray(factor, mask.type.dtype.numpy)
            scale = rewriter.insert(constant(rewriter.module, number))
            mask = rewriter.insert(Mul(mask, scale.result)).result
        total = mask if total is None else rewriter.insert(Add(total, mask)).result
    return total


def _all_hold(conditions: Sequence[tuple[Value, bool]], rewriter: Rewriter) -> Value:
    """The conjunction of CONDITIONS, each negated if its flag is True."""
    values = [rewriter.insert(Not(c)).result if inverted else c for c, inverted in conditions]
    return reduce(lambda a, b: rewriter.insert(And(a, b)).result, reversed(values))


@pattern("attention-mask", Attention)
def attention_mask(op: Attention, rewriter: Rewriter) -> bool:
    """attention(q, k, v, where(c, 0, -inf)) => attention(q, k, v, c), for a boolean condition c"""
    select = produced_by(op.mask, Where)
    if select is None or op.mask is None or op.mask.type.dtype == BOOL:
        return False
    fill = scalar(select.y, rewriter.module)
    if fill != -math.inf or not is_splat(select.x, 0, rewriter.module):
        return False
    if select.condition.type.shape != op.mask.type.shape:
        return False
    attributes = {**op.attributes, "fill": -math.inf}
    new = rewriter.insert(Attention(op.q, op.k, op.v, select.condition, **attributes))
    rewriter.replace(op, new.result)
    return True


PATTERNS = (attention, attention_mask)
