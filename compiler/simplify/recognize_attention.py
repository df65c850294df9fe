"""Patterns that recognize scaled dot-product attention in the ops that exporters emit.

The spellings differ in where the scale is applied (to the scores, to q, or its root to q and to k), how
k is transposed, how masks are applied (added, or selected with a large negative number), and whether
queries with all keys masked out are guarded.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.attention import Attention
from ...dialects.graph.constants import Constant
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.softmax import Softmax
from ..patterns.matching import only_use, produced_by
from ..patterns.rewrite import Rewriter, pattern
from ..patterns.spelling import MOST_DEPTH, scalings
from .attention_guards import guards
from .attention_masks import mask_of
from .attention_scores import Scores, scores_of
from .leading import Leading


@dataclass(frozen=True)
class _Weights:
    """The left operand of the second product: softmax(scores), guarded or not; `absorbed` computes it."""

    scores: Value
    guarded: bool
    absorbed: tuple[Operation, ...]


@pattern("attention", Matmul)
def attention(op: Matmul, rewriter: Rewriter) -> bool:
    """matmul(softmax(scale * matmul(q, transpose(k)) + mask), v) => attention{scale}(q, k, v, mask)

    A tanh between the scale and the mask caps the scores.
    """
    weights = None if op.transpose_a else _weights(op.a, rewriter.module)
    scores = scores_of(weights.scores, rewriter.module) if weights is not None else None
    if weights is None or scores is None or not _fits(op, scores):
        return False
    leading = Leading.of(scores.product.result.type.shape[:-2], scores.leading)
    if leading is None or not (leading.is_same or leading.joined == op.result.type.shape[:-2]):
        return False
    q, k, scale = _operands(scores, rewriter)
    v = _swapped(op.b, rewriter) if op.transpose_b else op.b
    mask, fill = mask_of(scores, leading, rewriter)
    operands = [leading.split(value, rewriter) for value in (q, k, v)]
    new = Attention(
        *operands,
        mask,
        scale=scale,
        guarded=weights.guarded,
        fill=fill,
        cap=scores.cap,
        accumulate=op.accumulate,
    )
    value = rewriter.insert(new).result
    if value.type.shape != op.result.type.shape:
        value = rewriter.insert(Reshape(value, shape=op.result.type.shape)).result
    rewriter.replace(op, value, absorbed=[*weights.absorbed, *scores.absorbed, scores.product])
    return True


def _fits(op: Matmul, scores: Scores) -> bool:
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
        if isinstance(op, (Cast, Reshape)) and _passes(op):
            value = op.x
        elif isinstance(op, Where) and not guarded and guards(op, module):
            value, guarded = op.y, True
        else:
            return None
    return None


def _passes(op: Cast | Reshape) -> bool:
    """Whether OP gives weights again: a cast that rounds them, or other leading dimensions."""
    if isinstance(op, Cast):
        return op.x.type.dtype.is_float and op.x.type.dtype.bits >= op.to.bits
    return bool(op.x.type.shape[-2:] == op.result.type.shape[-2:])


# ---------------------------------------------------------------- operands


def _operands(scores: Scores, rewriter: Rewriter) -> tuple[Value, Value, float]:
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


PATTERNS = (attention,)
