"""Masks of attention that leave each query the keys up to its own position: they become a flag of the op."""

from __future__ import annotations

import math

from ...dialects.core.dtypes import BOOL
from ...dialects.core.ir import Value
from ...dialects.core.module import Module
from ...dialects.graph.attention import Attention
from ...dialects.graph.elementwise import Where
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.trilu import Trilu
from ..patterns.matching import constant_array, is_splat, produced_by
from ..patterns.rewrite import Rewriter, pattern
from ..patterns.spelling import scalar
from ..patterns.triangles import is_triangle, is_triangle_of
from .attention_masks import joined, parts_of
from .attention_scores import ABSORBING


@pattern("attention-causal", Attention)
def attention_causal(op: Attention, rewriter: Rewriter) -> bool:
    """attention(q, k, v, tril(true) and c) => attention{causal}(q, k, v, c), likewise of sums of masks and of
    comparisons of positions"""
    if op.mask is None:
        return False
    parts = parts_of(op.mask)
    lows = [_low(part, op, rewriter.module) for part in parts]
    others = [part for part, low in zip(parts, lows, strict=True) if low is None]
    # A query whose other keys are all masked, too, would see those after it, if they are as low as these.
    most = -math.inf if others else ABSORBING
    if len(others) == len(parts) or any(low > most for low in lows if low is not None):
        return False
    mask = joined(others, rewriter)
    attributes = {**op.attributes, "causal": True}
    rewriter.replace(op, rewriter.insert(Attention(op.q, op.k, op.v, mask, **attributes)).result)
    return True


def _low(mask: Value, op: Attention, module: Module) -> float | None:
    """The score, or what is added to it, where a key is after the query, if MASK of OP says just that; None
    for any other mask."""
    if mask.type.shape[-2:] != op.scores[-2:]:
        return None
    if mask.type.dtype == BOOL:
        return op.fill if is_triangle(mask, module) else None
    return _added(mask, module)


def _added(mask: Value, module: Module) -> float | None:
    """The number that MASK adds to the scores of keys after the query, if it adds nothing to others."""
    array = constant_array(mask, module)
    if array is not None:
        low = float(array.min(initial=0.0))
        return low if low < 0 and is_triangle_of(array == 0) and is_triangle_of(array != low) else None
    op = mask.producer
    match op:
        case Reshape() | Expand() if op.x.type.shape[-2:] == mask.type.shape[-2:]:
            return _added(op.x, module)
        case Where():
            for kept, other, inverted in ((op.x, op.y, False), (op.y, op.x, True)):
                if is_splat(kept, 0, module) and is_triangle(op.condition, module, inverted=inverted):
                    return scalar(other, module)
        case Trilu() if op.upper and op.k == 1:
            inner = produced_by(op.x, Expand)
            return scalar(op.x if inner is None else inner.x, module)
    return None


PATTERNS = (attention_causal,)
