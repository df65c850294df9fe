"""The masks of attention as its one operand: conditions where there are no others, else numbers to add."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from ...dialects.core.dtypes import BOOL, DType
from ...dialects.core.ir import Value
from ...dialects.graph.attention import Attention
from ...dialects.graph.binary import Add, And, Mul
from ...dialects.graph.constants import constant
from ...dialects.graph.elementwise import Cast, Where
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


@pattern("attention-mask", Attention)
def attention_mask(op: Attention, rewriter: Rewriter) -> bool:
    """attention(q, k, v, where(c, 0, -inf)) => attention(q, k, v, c), for a boolean condition c"""
    select = produced_by(op.mask, Where)
    if select is None or op.mask is None or op.mask.type.dtype == BOOL:
        return False
    inverted = is_splat(select.y, 0, rewriter.module)
    zero, low = (select.y, select.x) if inverted else (select.x, select.y)
    if scalar(low, rewriter.module) != -math.inf or not is_splat(zero, 0, rewriter.module):
        return False
    if select.condition.type.shape != op.mask.type.shape:
        return False
    kept = rewriter.insert(Not(select.condition)).result if inverted else select.condition
    attributes = {**op.attributes, "fill": -math.inf}
    new = rewriter.insert(Attention(op.q, op.k, op.v, kept, **attributes))
    rewriter.replace(op, new.result)
    return True


PATTERNS = (attention_mask,)
