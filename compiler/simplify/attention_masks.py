"""The masks of attention as its one operand: conditions where there are no others, else numbers to add."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np

from ...dialects.core.dtypes import BOOL, DType
from ...dialects.core.ir import Value
from ...dialects.graph.attention import Attention
from ...dialects.graph.binary import Add, And, Mul
from ...dialects.graph.constants import constant
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.unary import Not
from ..patterns.matching import is_splat, produced_by
from ..patterns.rewrite import Rewriter, pattern
from ..patterns.spelling import scalar
from .attention_scores import Mask, Scores
from .leading import Leading


def mask_of(scores: Scores, leading: Leading, rewriter: Rewriter) -> tuple[Value | None, float]:
    """The mask operand for SCORES with the leading dimensions LEADING, and the score where it is false."""
    masks = [(mask, _placed(mask, scores, leading, rewriter)) for mask in reversed(scores.masks)]
    if scores.selects:
        fill = scores.masks[0].fill
        assert fill is not None
        kept = [_condition(mask, value, rewriter) for mask, value in masks]
        return reduce(lambda a, b: rewriter.insert(And(a, b)).result, kept), fill
    total: Value | None = None
    for mask, value in masks:
        if mask.fill is None:
            total = _sum(total, _scaled(value, mask.factor, rewriter), rewriter)
        else:
            total = _filled(total, mask, _condition(mask, value, rewriter), scores, rewriter)
    return total, -math.inf


def _placed(mask: Mask, scores: Scores, leading: Leading, rewriter: Rewriter) -> Value:
    """MASK's value, which broadcasts to scores with all leading dimensions."""
    return mask.value if mask.leading == scores.leading else leading.split(mask.value, rewriter)


def _condition(mask: Mask, value: Value, rewriter: Rewriter) -> Value:
    return rewriter.insert(Not(value)).result if mask.inverted else value


def _scaled(value: Value, factor: float, rewriter: Rewriter) -> Value:
    return (
        value
        if factor == 1.0
        else rewriter.insert(Mul(value, _number(factor, value.type.dtype, rewriter))).result
    )


def _sum(total: Value | None, value: Value, rewriter: Rewriter) -> Value:
    """TOTAL + VALUE, in the wider of their types."""
    if total is None:
        return value
    wide = max((total.type.dtype, value.type.dtype), key=lambda dtype: dtype.bits)
    total, value = (_cast(each, wide, rewriter) for each in (total, value))
    return rewriter.insert(Add(total, value)).result


def _filled(total: Value | None, mask: Mask, kept: Value, scores: Scores, rewriter: Rewriter) -> Value:
    """TOTAL, a sum of masks, where MASK's condition is KEPT, and its number elsewhere."""
    assert mask.fill is not None
    dtype = scores.product.result.type.dtype if total is None else total.type.dtype
    total = _number(0.0, dtype, rewriter) if total is None else total
    return rewriter.insert(Where(kept, total, _number(mask.fill, dtype, rewriter))).result


def _cast(value: Value, to: DType, rewriter: Rewriter) -> Value:
    return value if value.type.dtype == to else rewriter.insert(Cast(value, to=to)).result


def _number(number: float, dtype: DType, rewriter: Rewriter) -> Value:
    return rewriter.insert(constant(rewriter.module, np.asarray(number, dtype.numpy))).result


def parts_of(mask: Value) -> list[Value]:
    """The masks that MASK joins: the conditions that must all hold, or the numbers that are added."""
    op = produced_by(mask, And if mask.type.dtype == BOOL else Add)
    return [mask] if op is None else [*parts_of(op.x), *parts_of(op.y)]


def joined(parts: Sequence[Value], rewriter: Rewriter) -> Value | None:
    """PARTS as one mask again; None when there are none."""
    joins = And if parts and parts[0].type.dtype == BOOL else Add
    return reduce(lambda a, b: rewriter.insert(joins(a, b)).result, parts) if parts else None


@pattern("attention-mask", Attention)
def attention_mask(op: Attention, rewriter: Rewriter) -> bool:
    """attention(q, k, v, where(c, 0, -inf)) => attention(q, k, v, c), for a boolean condition c"""
    if op.mask is None or op.mask.type.dtype == BOOL:
        return False
    kept = _condition_of(op.mask, rewriter)
    if kept is None:
        return False
    attributes = {**op.attributes, "fill": -math.inf}
    rewriter.replace(op, rewriter.insert(Attention(op.q, op.k, op.v, kept, **attributes)).result)
    return True


def _condition_of(mask: Value, rewriter: Rewriter) -> Value | None:
    """The condition, of MASK's shape, under which MASK adds 0, if it adds minus infinity elsewhere."""
    view = produced_by(mask, Reshape)
    select = produced_by(mask if view is None else view.x, Where)
    if select is None or select.condition.type.shape != select.result.type.shape:
        return None
    inverted = is_splat(select.y, 0, rewriter.module)
    zero, low = (select.y, select.x) if inverted else (select.x, select.y)
    if scalar(low, rewriter.module) != -math.inf or not is_splat(zero, 0, rewriter.module):
        return None
    kept = rewriter.insert(Not(select.condition)).result if inverted else select.condition
    return kept if view is None else rewriter.insert(Reshape(kept, shape=mask.type.shape)).result


@pattern("attention-no-mask", Attention)
def attention_no_mask(op: Attention, rewriter: Rewriter) -> bool:
    """attention(q, k, v, m + 0) => attention(q, k, v, m), attention(q, k, v, true) => attention(q, k, v)"""
    parts = [] if op.mask is None else parts_of(op.mask)
    kept = [part for part in parts if not _is_idle(part, rewriter)]
    if len(kept) == len(parts):
        return False
    mask = joined(kept, rewriter)
    rewriter.replace(op, rewriter.insert(Attention(op.q, op.k, op.v, mask, **op.attributes)).result)
    return True


def _is_idle(mask: Value, rewriter: Rewriter) -> bool:
    """Whether MASK is a constant that keeps all keys as they are."""
    return is_splat(mask, 1 if mask.type.dtype == BOOL else 0, rewriter.module)


PATTERNS = (attention_no_mask, attention_mask)
