"""GroupQueryAttention: attention of language models, with key and value caches.

Each sequence has its own number of keys, so the position of new keys in the cache is known at run time only.
"""

from __future__ import annotations

import math

from ....dialects.core.affine import Dim
from ....dialects.graph.binary import Add, And, Div, Greater, Less, LessEqual, Max, Mul, Sub
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.elementwise import Where
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.movement.pad import Pad
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.movement.slicing import Slice
from ....dialects.graph.sequences import WriteCache
from ....dialects.graph.softmax import Softmax
from ....dialects.graph.trigonometric import Tanh
from ..call import Call, Outcome
from ..ops_attention import attended, joined_heads, split_heads
from ..problems import Malformed, Refused
from ..tensor import Tensor
from .form import OwnOps, op
from .heads import cut, head_count, scale_of
from .masks import number, only, per_sequence, positions
from .rotary import rotated

_UNSUPPORTED = {
    12: "quantized keys (k_scale)",
    13: "quantized values (v_scale)",
    14: "normalized queries (q_norm_weight)",
    15: "normalized keys (k_norm_weight)",
    16: "padded queries (query_seqlens)",
}


def _group_query(call: Call) -> Outcome:
    _refuse_rest(call)
    q, k, v = _heads(call)
    lengths, total = _lengths(call, q), call.known_dim(6, "its number of keys")
    tokens = q.shape[2]
    before = _before(call, lengths, tokens)
    places = _places(call, before, tokens)
    if call.flag("do_rotary"):
        q, k = (_turned(call, x, places) for x in (q, k))
    else:
        call.without_effect(7, 8, 9, "rotary_interleaved")
    caches = [_cached(call, index, new, before, total) for index, new in ((3, k), (4, v))]
    k, v = (_first(call, cache, total) for cache in caches)
    mask = only(call, _allowed(call, lengths, before, tokens, total), call.optional(10))
    return joined_heads(call, _attended(call, q, k, v, mask)), *caches


def _refuse_rest(call: Call) -> None:
    found = [what for index, what in _UNSUPPORTED.items() if call.optional(index) is not None]
    if call.integer("kv_cache_bit_width", 0):
        found.append("quantized caches (kv_cache_bit_width)")
    if call.flag("sliding_window_cache"):
        found.append("caches of one window (sliding_window_cache)")
    found += [
        f"{name} as {call.string(name, 'NONE')}"
        for name in ("k_quant_type", "v_quant_type")
        if call.string(name, "NONE") != "NONE"
    ]
    if call.integer("qk_output", 0) or call.wants(3):
        found.append("the scores as an output (qk_output)")
    if found:
        raise Refused(f"{' and '.join(found)} are not supported")
    call.without_effect("qk_norm_epsilon", "q_norm_epsilon", "k_norm_epsilon")


# ------------------------------------------------------------ tokens


def _heads(call: Call) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of the new tokens; without a key input all three are packed in the queries."""
    count, few = head_count(call), head_count(call, "kv_num_heads")
    parts = [call.input(0), call.optional(1), call.optional(2)]
    if parts[1] is None and parts[2] is None:
        packed = call.input(0)
        whole = split_heads(call, packed, count + 2 * few, "its input 0")
        spans = ((0, count), (count, few), (count + few, few))
        q, k, v = (_some_heads(call, whole, at, size) for at, size in spans)
        return q, k, v
    if parts[1] is None or parts[2] is None:
        raise Malformed("it has keys without values, or values without keys")
    q, k, v = (
        split_heads(call, part, number, f"its input {index}")
        for index, (part, number) in enumerate(zip(parts, (count, few, few), strict=True))
        if part is not None
    )
    return q, k, v


def _some_heads(call: Call, x: Tensor, start: int, count: int) -> Tensor:
    sizes = (x.shape[0], count, *x.shape[2:])
    return call.emit(Slice, x, starts=(0, start, 0, 0), sizes=sizes)


def _lengths(call: Call, q: Tensor) -> Tensor:
    """The number of keys of each sequence, including the new ones: [batch]."""
    stated = call.input(5)
    if stated.rank == 2:
        call.require_equal(stated.shape[1], 1, "there is one length for each sequence")
        stated = call.emit(Reshape, stated, shape=stated.shape[:1])
    message = f"its lengths {stated.type} do not fit {q.shape[0]} sequences"
    call.require_shape(stated.shape, q.shape[:1], message)
    return call.emit(Add, stated, call.constant(1, stated.dtype))


def _before(call: Call, lengths: Tensor, tokens: Dim) -> Tensor:
    """The number of keys of each sequence before the new ones; 0 where padding makes the new ones more."""
    return call.emit(Max, call.emit(Sub, lengths, number(call, tokens)), call.constant(0, lengths.dtype))


def _places(call: Call, before: Tensor, tokens: Dim) -> Tensor:
    """The positions of the new tokens: [batch, tokens]."""
    column = call.emit(Reshape, before, shape=(before.shape[0], 1))
    return call.emit(Add, column, positions(call, tokens, before.dtype))


def _turned(call: Call, x: Tensor, places: Tensor) -> Tensor:
    """X with rotary embeddings at PLACES, or at the positions that the node states."""
    stated, cosines, sines = call.optional(9), call.input(7), call.input(8)
    at = places if stated is None else stated
    return rotated(call, x, at, cosines, sines, interleaved=call.flag("rotary_interleaved"))


# ------------------------------------------------------------ caches


def _cached(call: Call, index: int, new: Tensor, before: Tensor, total: Dim) -> Tensor:
    """The cache at input INDEX, extended to at least TOTAL, with NEW keys or values after those of each
    sequence."""
    past = call.optional(index)
    if past is None:
        call.require_equal(new.shape[2], total, "without a past all keys are new")
        return new
    if past.rank != 4:
        raise Malformed(f"its cache is {past.type}, [batch, heads, tokens, features] is expected")
    held = past.shape[2]
    size = call.builder.sizes_known.derive("max", held, total)
    if size != held:
        pads = (*[0] * 6, size - held, 0)
        past = call.emit(Pad, past, call.constant(0, past.dtype), pads=pads)
    return call.emit(WriteCache, past, new, before, axis=2)


def _first(call: Call, cache: Tensor, total: Dim) -> Tensor:
    """The first TOTAL keys or values of CACHE."""
    batch, heads, size, features = cache.shape
    if size == total:
        return cache
    return call.emit(Slice, cache, starts=(0, 0, 0, 0), sizes=(batch, heads, total, features))


# ------------------------------------------------------------ scores


def _allowed(call: Call, lengths: Tensor, before: Tensor, tokens: Dim, total: Dim) -> Tensor:
    """The keys that each query attends to: [batch, 1, queries, keys]."""
    keys, window = positions(call, total, lengths.dtype), call.integer("local_window_size", -1)
    if not call.flag("causal", True):
        if window >= 0:
            raise Malformed("local_window_size is set though it is not causal")
        return call.emit(Less, keys, per_sequence(call, lengths))
    queries = per_sequence(call, _places(call, before, tokens))
    allowed = call.emit(LessEqual, keys, queries)
    if window < 0:
        return allowed
    first = call.emit(Sub, queries, call.constant(window, lengths.dtype))
    return call.emit(And, allowed, call.emit(Greater, keys, first))


def _attended(call: Call, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    cap, sink = call.number("softcap", 0.0), _sink(call, q)
    if sink is None:
        return attended(call, q, k, v, mask, scale=scale_of(call, q), cap=max(cap, 0.0), causal=False)
    k, v = (_repeated(call, x, q.shape[1]) for x in (k, v))
    scores = call.emit(Matmul, q, k, transpose_b=True)
    scores = call.emit(Mul, scores, call.constant(scale_of(call, q), q.dtype))
    if cap:
        limit = call.constant(cap, q.dtype)
        scores = call.emit(Mul, call.emit(Tanh, call.emit(Div, scores, limit)), limit)
    return call.emit(Matmul, _weights(call, _masked(call, scores, mask), sink), v)


def _masked(call: Call, scores: Tensor, mask: Tensor) -> Tensor:
    if mask.dtype.name != "bool":
        return call.emit(Add, scores, mask)
    return call.emit(Where, mask, scores, call.constant(-math.inf, scores.dtype))


def _sink(call: Call, q: Tensor) -> Tensor | None:
    """The score that joins the softmax of each head beside its keys, [heads, 1, 1]: the node's, or 0."""
    given = call.optional(11)
    if given is not None:
        call.without_effect("smooth_softmax")
        message = f"its sinks are {given.type}; one for each of {q.shape[1]} heads is expected"
        call.require_shape(given.shape, q.shape[1:2], message)
        return call.emit(Reshape, given, shape=(q.shape[1], 1, 1))
    return call.constant([[[0.0]]], q.dtype) if call.integer("smooth_softmax", 0) == 1 else None


def _weights(call: Call, scores: Tensor, sink: Tensor | None) -> Tensor:
    """The softmax of SCORES with SINK as one more score, which has no value."""
    if sink is None:
        return call.emit(Softmax, scores, axis=3)
    column = call.emit(Expand, sink, shape=(*scores.shape[:3], 1))
    return cut(
        call, call.emit(Softmax, call.emit(Concat, scores, column, axis=3), axis=3), 0, scores.shape[3]
    )


def _repeated(call: Call, x: Tensor, heads: Dim) -> Tensor:
    """X with each head repeated for the HEADS that share it."""
    batch, own, tokens, features = x.shape
    if not isinstance(heads, int) or not isinstance(own, int) or heads % own:
        raise Malformed(f"{heads} query heads cannot share {own} key heads evenly")
    apart = call.emit(Reshape, x, shape=(batch, own, 1, tokens, features))
    spread = call.emit(Expand, apart, shape=(batch, own, heads // own, tokens, features))
    return call.emit(Reshape, spread, shape=(batch, heads, tokens, features))


_NAMES = (
    *("causal", "do_rotary", "k_norm_epsilon", "k_quant_type", "kv_cache_bit_width", "kv_num_heads"),
    *("local_window_size", "num_heads", "q_norm_epsilon", "qk_norm_epsilon", "qk_output"),
    *("rotary_interleaved", "scale", "sliding_window_cache", "smooth_softmax", "softcap", "v_quant_type"),
)
TABLE: OwnOps = {"GroupQueryAttention": op(_group_query, 7, 17, _NAMES, 4)}
