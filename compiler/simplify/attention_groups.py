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


@pattern("attention-groups", Attention)
def attention_groups(op: Attention, rewriter: Rewriter) -> bool:
    """attention(q, reshape(expand(k)), reshape(expand(v))) => reshape(attention(reshape(q), k, v)), with a
    dimension for the queries that share a key"""
    k, v = _repeated(op.k), _repeated(op.v)
    if k is None or v is None or _leading(k) != _leading(v):
        return False
    joined = op.result.type.shape[:-2]
    leading = Leading.of(joined, _leading(k))
    if leading is None or op.k.type.shape[:-2] != joined or op.v.type.shape[:-2] != joined:
        return False
    q = leading.split(op.q, rewriter)
    mask = None if op.mask is None else leading.split(op.mask, rewriter)
    value = rewriter.insert(Attention(q, k.x, v.x, mask, **op.attributes)).result
    rewriter.replace(op, rewriter.insert(Reshape(value, shape=op.result.type.shape)).result)
    return True


@pattern("attention-batches", Attention)
def attention_batches(op: Attention, rewriter: Rewriter) -> bool:
    """attention(reshape(q), k, v) => reshape(attention(q, reshape(k), reshape(v))), where the leading
    dimensions that the reshape joins are not adjacent in memory"""
    joined = op.result.type.shape[:-2]
    for value in (op.q, op.k, op.v):
        source, chain = moves_into(value)
        found = Rearrangement.through(source.type.shape, chain)
        if found is None or found.is_strided or value.type.shape[:-2] != joined:
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


def _repeated(value: Value) -> Expand | None:
    """The expand of leading dimensions that VALUE is a reshape of, by joining them."""
    joined = produced_by(value, Reshape)
    expand = None if joined is None else produced_by(joined.x, Expand)
    if expand is None or expand.stretches or joined is None:
        return None
    rows = expand.x.type.shape[-2:] == expand.result.type.shape[-2:] == value.type.shape[-2:]
    return expand if rows and expand.x.type.rank == expand.result.type.rank else None


def _leading(op: Expand) -> tuple[Dim, ...]:
    return op.result.type.shape[:-2]


PATTERNS = (attention_groups, attention_batches)
