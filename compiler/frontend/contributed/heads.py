"""Common parts of ONNX Runtime's attention ops: heads, past keys, scores."""

from __future__ import annotations

import math

from ....dialects.core.affine import Dim
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.movement.slicing import Slice
from ..call import Call
from ..ops_attention import attended
from ..problems import Malformed, Refused
from ..tensor import Tensor
from .masks import only, preceding


def head_count(call: Call, attribute: str = "num_heads") -> int:
    """The number of heads, from the node's ATTRIBUTE."""
    count = call.integer(attribute, 0)
    if count < 1:
        raise Malformed(f"the attribute '{attribute}' is {count}, a positive number is expected")
    return count


def scale_of(call: Call, q: Tensor) -> float:
    """The scale of the scores: the node's, or 1 / sqrt(features) if it has none or 0."""
    depth, given = q.shape[-1], call.number("scale", 0.0)
    if given:
        return given
    if not isinstance(depth, int):
        raise Refused(f"heads of the symbolic size {depth} are not supported without a scale")
    if depth < 1:
        raise Malformed(f"the heads of {q.type} are empty")
    return 1 / math.sqrt(depth)


def attend(call: Call, q: Tensor, k: Tensor, v: Tensor, added: Tensor | None, *, before: Dim) -> Tensor:
    """The attention of heads, with ADDED added to the scores.

    With the node's `unidirectional` no query attends to later keys; the first query is at position BEFORE.
    """
    queries, keys, causal = q.shape[-2], k.shape[-2], call.flag("unidirectional")
    aligned = before == 0 and queries == keys
    if causal and not aligned:
        added = only(call, preceding(call, queries, keys, before), added)
    return attended(call, q, k, v, added, scale=scale_of(call, q), causal=causal and aligned)


def scores_of(q: Tensor, k: Tensor) -> tuple[Dim, ...]:
    """The shape of the scores: [batch, heads, queries, keys]."""
    return (*q.shape[:3], k.shape[-2])


def after(call: Call, past: Tensor | None, new: Tensor) -> Tensor:
    """NEW keys or values appended to those of the PAST, along the tokens."""
    return new if past is None else call.emit(Concat, past, new, axis=2)


def cut(call: Call, x: Tensor, start: Dim, size: Dim) -> Tensor:
    """SIZE elements of X from START on, along the last axis."""
    rest = x.shape[:-1]
    return call.emit(Slice, x, starts=(*[0] * len(rest), start), sizes=(*rest, size))


def taken(call: Call, x: Tensor, axis: int, index: int) -> Tensor:
    """X at INDEX along AXIS, without the axis."""
    starts = [index if each == axis else 0 for each in range(x.rank)]
    sizes = [1 if each == axis else size for each, size in enumerate(x.shape)]
    part = call.emit(Slice, x, starts=starts, sizes=sizes)
    return call.emit(Reshape, part, shape=(*x.shape[:axis], *x.shape[axis + 1 :]))
