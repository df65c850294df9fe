"""Leading dimensions of attention as exporters join them: keys repeated for groups of heads, and heads with
the batch. Apart, they are strides."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Value
from ...dialects.graph.attention import Attention
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ..patterns.arrangement import Digit, Rearrangement, moves_into
from ..patterns.matching import produced_by
from ..patterns.rewrite import Rewriter, pattern
from .leading import Leading


@pattern("attention-batches", Attention)
def attention_batches(op: Attention, rewriter: Rewriter) -> bool:
    """attention(reshape(q), k, v) => reshape(attention(q, reshape(k), reshape(v))), where the reshape joins
    leading dimensions: they are adjacent in memory only until q, k and v are one product"""
    joined = op.result.type.shape[:-2]
    for value in (op.q, op.k, op.v):
        source, chain = moves_into(value)
        found = Rearrangement.through(source.type.shape, chain)
        if found is None or value.type.shape[:-2] != joined:
            continue
        leading = Leading.of(joined, [size for dim in found.dims[:-2] for size in _sizes(dim)])
        if leading is None or leading.is_same:
            continue
        operands = [None if each is None else leading.split(each, rewriter) for each in op.operands]
        split = rewriter.insert(Attention(*operands, **op.attributes)).result
        rewriter.replace(op, rewriter.insert(Reshape(split, shape=op.result.type.shape)).result)
        return True
    return False


def _sizes(digits: Sequence[Digit]) -> list[Dim]:
    return [digit.size for digit in digits] or [1]


@pattern("attention-groups", Attention)
def attention_groups(op: Attention, rewriter: Rewriter) -> bool:
    """attention(q, expand(k), expand(v), expand(mask)) => attention(q, k, v, mask), where q has all leading
    dimensions: the others broadcast to them"""
    if op.q.type.shape[:-2] != op.result.type.shape[:-2]:
        return False
    k, v = (_unexpanded(value, rows=False) for value in (op.k, op.v))
    mask = None if op.mask is None else _unexpanded(op.mask, rows=True)
    if (k, v, mask) == (op.k, op.v, op.mask):
        return False
    rewriter.replace(op, rewriter.insert(Attention(op.q, k, v, mask, **op.attributes)).result)
    return True


def _unexpanded(value: Value, *, rows: bool) -> Value:
    """What VALUE expands along leading dimensions, and if ROWS along the last two; VALUE if it is no such
    expand."""
    expand = produced_by(value, Expand)
    if expand is None or expand.stretches:
        return value
    return expand.x if rows or expand.x.type.shape[-2:] == value.type.shape[-2:] else value


PATTERNS = (attention_batches, attention_groups)
