"""Layer and RMS normalization, fused with the preceding sum or with BERT's embeddings."""

from __future__ import annotations

from onnx import TensorProto

from ....dialects.core.dtypes import I32, I64
from ....dialects.core.ir import Operation
from ....dialects.graph.binary import Add, Equal
from ....dialects.graph.indexing import Gather, Range
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.normalization import LayerNorm, RmsNorm
from ....dialects.graph.reduction import Reduce
from ..call import Call, Outcome
from ..indices import require_inside
from ..ops_elementwise import cast_to
from ..ops_normalization import inverse_deviation, layer_norm
from ..problems import Malformed, Refused
from ..table import Importer
from ..tensor import Tensor
from .form import OwnOps, op

EPSILON = 1e-12  # the default of the joined ops


# ------------------------------------------------------------ alone


def _simplified(call: Call) -> Outcome:
    """RMS normalization, which ONNX Runtime had before the standard, with 1 / sqrt(mean(x * x) + epsilon)."""
    _check_stash(call)
    x, scale = call.input(0), call.input(1)
    axis = call.axis(call.integer("axis", -1), x.rank)
    epsilon = call.number("epsilon", 1e-5)
    y = call.emit(RmsNorm, x, scale, axis=axis, epsilon=epsilon)
    if not call.wants(1):
        return y
    return y, inverse_deviation(call, x, tuple(range(axis, x.rank)), epsilon)


def _layer_norm(call: Call) -> Outcome:
    _check_stash(call)
    return layer_norm(call)


def _check_stash(call: Call) -> None:
    if call.integer("stash_type", TensorProto.FLOAT) != TensorProto.FLOAT:
        raise Refused("statistics in another type than float32 (stash_type) are not supported")


# ------------------------------------------------------------ of a sum


def _of_sum(op_class: type[Operation]) -> Importer:
    """The importer of OP_CLASS on the sum of a tensor, a skip connection and a bias; the last output is the
    sum."""

    def importer(call: Call) -> Outcome:
        if call.wants(1) or call.wants(2):
            raise Refused("the mean and the inverse deviation as outputs are not supported")
        shift = (call.optional(3),) if op_class is LayerNorm else ()
        total = _with_skipped(call, call.optional(3 + len(shift)))
        y = call.emit(
            op_class,
            total,
            call.input(2),
            *shift,
            axis=total.rank - 1,
            epsilon=call.number("epsilon", EPSILON),
        )
        return y, None, None, total

    return importer


def _with_skipped(call: Call, bias: Tensor | None) -> Tensor:
    """The sum of inputs 0 and 1 and BIAS; input 1 may lack the batch, or have a batch of 1."""
    x, skipped = call.input(0), call.input(1)
    if x.rank not in (2, 3) or skipped.rank not in (2, x.rank):
        raise Malformed(f"it adds {skipped.type} to {x.type}; both need 2 or 3 dimensions")
    total = call.emit(Add, x, skipped)
    call.require_shape(total.shape, x.shape, f"it adds {skipped.type} to {x.type}, which is smaller")
    return total if bias is None else call.emit(Add, total, bias)


# ------------------------------------------------------------ of embeddings


def _of_embeddings(call: Call) -> Outcome:
    """Layer normalization of the sum of word, position and segment embeddings.

    Outputs are the result, the number of tokens that the mask keeps in each sequence, and the sum.
    """
    words = call.input(0)
    if words.rank != 2:
        raise Malformed(f"its input 0, the word ids, is {words.type}; [batch, tokens] is expected")
    total = call.emit(Add, _looked_up(call, words, 2), _positions(call, words))
    segments = call.optional(1)
    if segments is not None:
        total = call.emit(Add, total, _looked_up(call, segments, 4))
    else:
        call.without_effect(4)
    epsilon = call.number("epsilon", EPSILON)
    y = call.emit(LayerNorm, total, call.input(5), call.input(6), axis=2, epsilon=epsilon)
    return y, _lengths(call, words), total


def _looked_up(call: Call, indices: Tensor, table: int) -> Tensor:
    """The rows of input TABLE at INDICES."""
    rows = call.input(table)
    if rows.rank != 2:
        raise Malformed(f"its input {table} is {rows.type}; a table of embeddings has 2 dimensions")
    require_inside(call, indices, 0, rows.shape[0])
    return call.emit(Gather, rows, indices, axis=0)


def _positions(call: Call, words: Tensor) -> Tensor:
    """The position embeddings: at the positions of input 8, or else 0, 1, .. in every sequence."""
    given = call.optional(8)
    if given is not None:
        return _looked_up(call, given, 3)
    zero, one = (call.constant(number, I64) for number in (0, 1))
    return _looked_up(call, call.emit(Range, zero, one, size=words.shape[1]), 3)


def _lengths(call: Call, words: Tensor) -> Tensor:
    """The number of ones in the mask (input 7) of each sequence; zeros without a mask. [batch]"""
    call.without_effect("mask_index_type")  # an optional output
    mask = call.optional(7)
    if mask is None:
        return call.emit(Expand, call.constant(0, I32), shape=words.shape[:1])
    message = f"its mask {mask.type} does not fit its word ids {words.type}"
    call.require_shape(mask.shape, words.shape, message)
    ones = cast_to(call, call.emit(Equal, mask, call.constant(1, mask.dtype)), I32)
    return call.emit(Reduce, ones, kind="sum", axes=(1,), keepdims=False)


_NORM = ("axis", "epsilon", "stash_type")
TABLE: OwnOps = {
    "EmbedLayerNormalization": op(_of_embeddings, 7, 9, ("epsilon", "mask_index_type"), 3),
    "SkipLayerNormalization": op(_of_sum(LayerNorm), 3, 5, ("epsilon",), 4),
    "SkipSimplifiedLayerNormalization": op(_of_sum(RmsNorm), 3, 4, ("epsilon",), 4),
}

# In the domain ai.onnx, although the standard has no such op there.
TABLE_OF_STANDARD: OwnOps = {
    "LayerNormalization": op(_layer_norm, 2, 3, _NORM, 3),
    "SimplifiedLayerNormalization": op(_simplified, 2, 2, _NORM, 2),
}
