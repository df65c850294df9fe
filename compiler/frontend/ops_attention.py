"""The importer of ONNX Attention: heads are split, and groups of query heads share keys by broadcasting.

A node with attributes or inputs that it does not read (windows, lengths of padded keys) is imported
as the function body that the standard defines.
"""

from __future__ import annotations

import math

from ...dialects.core.affine import Dim, exact_div
from ...dialects.core.dtypes import BOOL, F32
from ...dialects.graph.attention import Attention
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape, Transpose
from .call import Call, Outcome
from .problems import Malformed, Refused
from .table import Table
from .tensor import Tensor
from .weights import element_type


def _attention(call: Call) -> Outcome:
    """Opset 23: the mask is broadcast to the scores."""
    _refuse_cache(call)
    return _of_inputs(call, call.optional(3))


def _attention_padded(call: Call) -> Outcome:
    """Since opset 24: keys after the end of a shorter mask are masked out."""
    _refuse_cache(call)
    mask = call.optional(3)
    return _of_inputs(call, None if mask is None else _lengthened(call, mask, call.input(1).shape[-2]))


def _lengthened(call: Call, mask: Tensor, keys: Dim) -> Tensor:
    missing = keys - mask.shape[-1]
    if not isinstance(missing, int):
        raise Refused(f"it is not known whether the mask {mask.type} covers {keys} keys")
    if missing < 0:
        raise Malformed(f"the mask {mask.type} is longer than {keys} keys")
    barred = call.constant(False, BOOL) if mask.dtype == BOOL else call.constant(-math.inf, mask.dtype)
    pads = (*[0] * (2 * mask.rank - 1), missing)
    return call.emit(Pad, mask, barred, pads=pads) if missing else mask


def _refuse_cache(call: Call) -> None:
    if call.optional(4) is not None or call.optional(5) is not None or any(call.wants(i) for i in (1, 2, 3)):
        raise Refused(
            "attention with a key-value cache, or with its scores as an output, is not supported directly"
        )


def _of_inputs(call: Call, mask: Tensor | None) -> Outcome:
    call.without_effect("qk_matmul_output_mode")  # the scores are not an output
    _check_precision(call)
    flat = call.input(0).rank == 3
    q = _heads(call, 0, "q_num_heads")
    k, v = (_heads(call, index, "kv_num_heads") for index in (1, 2))
    depth = q.shape[-1]
    if not isinstance(depth, int):
        raise Refused(f"heads of the symbolic size {depth} are not supported directly")
    if depth < 1:
        raise Malformed(f"the heads of {q.type} are empty")
    scale = call.number("scale", depth**-0.5)
    cap = max(call.number("softcap", 0.0), 0.0)  # the standard's own body takes no other as a cap
    y = attended(call, q, k, v, mask, scale=scale, cap=cap, causal=call.flag("is_causal"))
    return joined_heads(call, y) if flat else y


def attended(
    call: Call,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    *,
    scale: float,
    causal: bool,
    cap: float = 0.0,
) -> Tensor:
    """The attention of heads, all [batch, heads, tokens, features]; several query heads may share one of k
    and v. CAP: of scores, 0 for none.

    The result of a query without keys is zero.
    """
    groups = _groups(q, k)
    shape = q.shape
    if groups != 1:
        q, k, v = _grouped(call, q, groups), _grouped(call, k, 1), _grouped(call, v, 1)
        mask = None if mask is None else _grouped_mask(call, mask, shape[1], groups)
    y = call.emit(Attention, q, k, v, mask, scale=scale, causal=causal, cap=cap, guarded=True)
    return call.emit(Reshape, y, shape=(*shape[:3], y.shape[-1])) if groups != 1 else y


def _check_precision(call: Call) -> None:
    """Raise Refused unless softmax is computed in f32, or in the type of the queries where that is wider."""
    code, own = call.integer("softmax_precision", 0), call.input(0).dtype
    if code and element_type(code) not in (own, F32 if own.bits < 32 else own):
        raise Refused(f"softmax computed in {element_type(code)} is not supported directly")


def _heads(call: Call, index: int, attribute: str) -> Tensor:
    """Input INDEX as [batch, heads, tokens, features]."""
    x = call.input(index)
    if x.rank == 4:
        call.without_effect(attribute)
        return x
    return split_heads(call, x, call.integer(attribute, 0), f"its input {index}")


def split_heads(call: Call, x: Tensor, count: int, what: str) -> Tensor:
    """X [batch, tokens, COUNT * features] as [batch, heads, tokens, features]; WHAT names X in messages."""
    features = exact_div(x.shape[-1], count) if x.rank == 3 and count > 0 else None
    if features is None and count > 0 and x.rank == 3 and not isinstance(x.shape[-1], int):
        raise Refused(f"it is not known whether {x.shape[-1]} features split into {count} heads")
    if features is None:
        raise Malformed(f"{what} of type {x.type} does not split into {count} heads")
    split = call.emit(Reshape, x, shape=(*x.shape[:2], count, features))
    return call.emit(Transpose, split, perm=(0, 2, 1, 3))


def joined_heads(call: Call, y: Tensor) -> Tensor:
    """Y, of shape [batch, heads, tokens, features], as [batch, tokens, heads * features]."""
    turned = call.emit(Transpose, y, perm=(0, 2, 1, 3))
    batch, tokens, heads, features = turned.shape
    return call.emit(Reshape, turned, shape=(batch, tokens, heads * features))


def _groups(q: Tensor, k: Tensor) -> int:
    """The number of query heads that share one key head."""
    queries, keys = q.shape[1], k.shape[1]
    groups = exact_div(queries, keys)
    if isinstance(groups, int) and groups > 0:
        return groups
    if isinstance(queries, int) and isinstance(keys, int):
        raise Malformed(f"{queries} query heads cannot share {keys} key heads evenly")
    raise Refused(f"it is not known how many of {queries} query heads share each of {keys} key heads")


def _grouped(call: Call, x: Tensor, groups: int) -> Tensor:
    """X, of shape [batch, heads * groups, tokens, features], with a separate dimension for GROUPS."""
    batch, heads, *rest = x.shape
    outer = exact_div(heads, groups)
    assert outer is not None
    return call.emit(Reshape, x, shape=(batch, outer, groups, *rest))


def _grouped_mask(call: Call, mask: Tensor, heads: Dim, groups: int) -> Tensor:
    if mask.rank < 3:
        return mask
    own = mask.shape[-3]
    if own not in (1, heads):
        raise Malformed(f"the mask {mask.type} does not broadcast to {heads} heads")
    outer = exact_div(own, groups) if own != 1 else 1
    assert outer is not None
    split = (outer, groups if own != 1 else 1)
    return call.emit(Reshape, mask, shape=(*mask.shape[:-3], *split, *mask.shape[-2:]))


TABLE: Table = {"Attention": [(23, _attention), (24, _attention_padded)]}
