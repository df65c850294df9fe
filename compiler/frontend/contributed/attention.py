"""Self-attention with its projections: ONNX Runtime's Attention, and QAttention on quantized tensors."""

from __future__ import annotations

from ....dialects.core.affine import Dim, exact_div
from ....dialects.graph.binary import Add
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.reshape import Reshape
from ..call import Call, Outcome
from ..ops_attention import joined_heads, split_heads
from ..ops_contraction import multiplied
from ..problems import Malformed, Refused
from ..scales import read_dequantized
from ..tensor import Tensor
from .form import OwnOps, op
from .heads import after, attend, cut, head_count, scores_of, taken
from .masks import padding, summed


def _attention(call: Call) -> Outcome:
    _refuse_rest(call)
    if call.optional(6) is not None:
        raise Refused("a buffer that past and present share (past_sequence_length) is not supported")
    product = _projected(call, call.input(0), call.input(1), call.optional(2))
    return _self_attention(call, product, _sizes(call, product), mask=3, past=4, bias=call.optional(5))


def _quantized_attention(call: Call) -> Outcome:
    """Like Attention, with quantized input and weights; scales and zero points follow, and the bias is
    float."""
    _refuse_rest(call)
    x, _ = read_dequantized(call, 0, scale_at=3, zero_at=6)
    weights, _ = read_dequantized(call, 1, axis=1, scale_at=4, zero_at=7)
    product = _projected(call, x, weights, call.input(2))
    return _self_attention(call, product, _sizes(call, product), mask=5, past=8, bias=None)


def _refuse_rest(call: Call) -> None:
    if call.flag("do_rotary"):
        raise Refused("rotary embeddings inside (do_rotary) are not supported")
    if call.flag("past_present_share_buffer"):
        raise Refused("a buffer that past and present share (past_present_share_buffer) is not supported")
    call.without_effect("rotary_embedding_dim")


def _projected(call: Call, x: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    """Queries, keys and values side by side: [batch, tokens, features of all]."""
    if x.rank != 3 or weights.rank != 2:
        raise Malformed(f"it projects {x.type} by {weights.type}; ranks 3 and 2 are expected")
    product = multiplied(call, x, weights)
    if bias is None:
        return product
    message = f"its bias {bias.type} does not fit its weights {weights.type}"
    call.require_shape(bias.shape, weights.shape[1:], message)
    return call.emit(Add, product, bias)


def _sizes(call: Call, product: Tensor) -> tuple[Dim, ...]:
    """The numbers of features of PRODUCT that are queries, keys and values."""
    stated, whole = call.ints("qkv_hidden_sizes"), product.shape[-1]
    third = exact_div(whole, 3)
    if stated is None and third is not None:
        return (third,) * 3
    if stated is None or len(stated) != 3 or sum(stated) != whole or stated[0] != stated[1]:
        parts = f"{list(stated or ())} of queries, keys and values"
        raise Malformed(f"{whole} features do not split into {parts}")
    return stated


def _self_attention(
    call: Call, product: Tensor, sizes: tuple[Dim, ...], *, mask: int, past: int, bias: Tensor | None
) -> Outcome:
    """The attention on PRODUCT, and the keys and values for the next step; MASK and PAST are inputs."""
    count, begins = head_count(call), (0, sizes[0], sizes[0] + sizes[1])
    parts = [cut(call, product, at, size) for at, size in zip(begins, sizes, strict=True)]
    q, k, v = (split_heads(call, part, count, "its projection") for part in parts)
    state, before = call.optional(past), (0 if call.optional(past) is None else _past_length(call, past, k))
    k, v = (
        after(call, None if state is None else taken(call, state, 0, place), new)
        for place, new in enumerate((k, v))
    )
    added = summed(call, padding(call, mask, scores_of(q, k), q.dtype), bias)
    y = joined_heads(call, attend(call, q, k, v, added, before=before))
    return (y, _present(call, k, v)) if call.wants(1) else y


def _past_length(call: Call, index: int, k: Tensor) -> Dim:
    """The number of past keys in input INDEX: [2, batch, heads, keys, features]."""
    past = call.input(index)
    if past.rank != 5:
        raise Malformed(f"its past is {past.type}, [2, batch, heads, tokens, features] is expected")
    wanted = (2, *k.shape[:2], past.shape[3], k.shape[3])
    call.require_shape(past.shape, wanted, f"its past {past.type} does not fit its keys {k.type}")
    return past.shape[3]


def _present(call: Call, k: Tensor, v: Tensor) -> Tensor:
    if k.shape != v.shape:
        raise Malformed(f"keys {k.type} and values {v.type} cannot be stacked to a state")
    apart = [call.emit(Reshape, each, shape=(1, *each.shape)) for each in (k, v)]
    return call.emit(Concat, *apart, axis=0)


_BOTH = (
    "do_rotary",
    "mask_filter_value",
    "num_heads",
    "past_present_share_buffer",
    "scale",
    "unidirectional",
)
TABLE: OwnOps = {
    "Attention": op(_attention, 2, 7, (*_BOTH, "qkv_hidden_sizes", "rotary_embedding_dim"), 2),
    "QAttention": op(_quantized_attention, 5, 9, _BOTH, 2),
}
