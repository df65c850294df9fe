"""MultiHeadAttention: queries, keys and values are separate inputs or packed into one."""

from __future__ import annotations

from ....dialects.core.affine import Dim
from ....dialects.graph.binary import Add
from ....dialects.graph.movement.reshape import Transpose
from ..call import Call, Outcome
from ..ops_attention import joined_heads, split_heads
from ..problems import Malformed, Refused
from ..tensor import Tensor
from .form import OwnOps, op
from .heads import after, attend, cut, head_count, scores_of, taken
from .masks import padding, summed


def _multi_head(call: Call) -> Outcome:
    if call.optional(8) is not None or call.optional(9) is not None:
        raise Refused("a buffer that past and present share, and beams in it, are not supported")
    if call.wants(3):
        raise Refused("the normalized scores as an output (qk) are not supported")
    q, k, v = _heads(call)
    past = [call.optional(index) for index in (6, 7)]
    before: Dim = 0 if past[0] is None else _length(call, past, k)
    k, v = after(call, past[0], k), after(call, past[1], v)
    added = summed(call, padding(call, 4, scores_of(q, k), q.dtype), call.optional(5))
    return joined_heads(call, attend(call, q, k, v, added, before=before)), k, v


def _length(call: Call, past: list[Tensor | None], k: Tensor) -> Dim:
    """The number of keys in PAST."""
    keys, values = past
    if keys is None or values is None or keys.rank != 4 or values.rank != 4:
        raise Malformed("its past keys and values are not both [batch, heads, tokens, features]")
    call.require_shape(keys.shape[:2], k.shape[:2], f"its past {keys.type} does not fit its keys {k.type}")
    return keys.shape[2]


def _heads(call: Call) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values, each [batch, heads, tokens, features], with the bias of their projections."""
    count, query, key, value = head_count(call), call.input(0), call.optional(1), call.optional(2)
    if query.rank == 5:
        _refuse_packed_bias(call)
        return tuple(_unpacked(call, query, 3, place) for place in range(3))  # type: ignore[return-value]
    if key is None:
        raise Malformed(f"it has no keys, and its queries {query.type} are not packed with keys")
    if key.rank == 5:
        _refuse_packed_bias(call)
        q = split_heads(call, query, count, "its input 0")
        return q, *(_unpacked(call, key, 2, place) for place in range(2))  # type: ignore[return-value]
    if value is None:
        raise Malformed("it has keys without values")
    if key.rank == 4:  # those of another step
        biased = [_biased(call, query, 0), key, value]
    else:
        begins = (0, query.shape[-1], query.shape[-1] + key.shape[-1])
        biased = [_biased(call, x, at) for x, at in zip((query, key, value), begins, strict=True)]
    named = zip(biased, ("its input 0", "its input 1", "its input 2"), strict=True)
    q, k, v = (x if x.rank == 4 else split_heads(call, x, count, what) for x, what in named)
    return q, k, v


def _refuse_packed_bias(call: Call) -> None:
    if call.optional(3) is not None:
        raise Refused("a bias of packed projections is not supported")


def _biased(call: Call, x: Tensor, begin: Dim) -> Tensor:
    """X [batch, tokens, features] plus its part of the bias, from BEGIN on."""
    bias = call.optional(3)
    if bias is None or x.rank != 3:
        return x
    if bias.rank != 1:
        raise Malformed(f"its bias is {bias.type}, one dimension is expected")
    return call.emit(Add, x, cut(call, bias, begin, x.shape[-1]))


def _unpacked(call: Call, x: Tensor, count: int, place: int) -> Tensor:
    """Tensor PLACE of the COUNT tensors that are packed in X [batch, tokens, heads, count, features]."""
    wanted = (*x.shape[:2], head_count(call), count, x.shape[4])
    call.require_shape(
        x.shape, wanted, f"its input {x.type} does not pack {count} tensors of the node's heads"
    )
    return call.emit(Transpose, taken(call, x, 3, place), perm=(0, 2, 1, 3))


_NAMES = ("mask_filter_value", "num_heads", "scale", "unidirectional")
TABLE: OwnOps = {"MultiHeadAttention": op(_multi_head, 1, 10, _NAMES, 4)}
