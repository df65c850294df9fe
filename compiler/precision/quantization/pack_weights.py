"""Weights of products that are quantized in blocks along k stay packed: in the order of
`graph/block_format.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....dialects.core.dtypes import I2, I4, I8, U2, U4, U8
from ....dialects.core.module import Module
from ....dialects.graph.block_format import BLOCKS, packed_weights
from ....dialects.graph.constants import constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.packed import FLOATS, UnpackWeights
from ....dialects.graph.quantization import Dequantize
from ...patterns.matching import constant_array, produced_by
from ...patterns.rewrite import Rewriter, pattern

Array = np.ndarray[Any, Any]
SHORT, WHOLE = (I2, U2, I4, U4), (I8, U8)  # those of 4 bits at most, and of 8


@pattern("pack-weights", Matmul)
def pack_weights(op: Matmul, rewriter: Rewriter) -> bool:
    """matmul(a, dequantize(c in blocks of k)) => matmul(a, unpack_weights(c, packed with its scales))"""
    q = produced_by(op.b, Dequantize)
    if q is None or unpackable(op, q) is not None:
        return False
    arrays = [constant_array(value, rewriter.module) for value in (q.x, q.scale, q.zero_point)]
    stored, scale, zero = (None if a is None else (a if op.transpose_b else a.T) for a in arrays)
    if stored is None or scale is None or (zero is None and q.zero_point is not None):
        return False
    bits = 4 if q.x.type.dtype in SHORT else 8
    given = np.zeros(scale.shape, stored.dtype) if zero is None else zero
    numbers, zeros = _unsigned(stored, bits), _unsigned(given, bits)
    form, words = packed_weights(numbers.astype(np.uint8), scale, zeros, bits, q.block)
    stated = {"bits": bits, "block": q.block, "scale_bits": form.scale_bits, "shifted": form.shifted}
    w = rewriter.insert(constant(rewriter.module, words, q.location)).result
    columns, depth = stored.shape
    made = rewriter.insert(UnpackWeights(w, columns=columns, depth=depth, to=q.to, loc=q.location, **stated))
    attributes = {**op.attributes, "transpose_b": True}
    rewriter.replace(op, rewriter.insert(Matmul(op.a, made.y, **attributes)).result)
    return True


def unpackable(op: Matmul, q: Dequantize) -> str | None:
    """Why the weights Q of OP do not stay packed, their being constants aside; None where they do."""
    if not q.block:
        return "its weights have no scales for blocks"
    if q.block not in BLOCKS:
        return f"there are no packed weights with blocks of {q.block}"
    if q.x.type.rank != 2 or q.axis % 2 != (1 if op.transpose_b else 0):
        return "its weights are not quantized in blocks along k"
    if q.x.type.dtype not in (*SHORT, *WHOLE):
        return f"there are no packed weights of {q.x.type.dtype}"
    return None if q.to in FLOATS and 0 not in q.x.type.shape else f"its weights are {q.to}"


def in_blocks(op: Matmul, module: Module) -> Dequantize | None:
    """The constant weights of OP, if they are quantized in blocks."""
    q = produced_by(op.b, Dequantize)
    return q if q is not None and q.block and constant_array(q.x, module) is not None else None


def _unsigned(numbers: Array, bits: int) -> Array:
    """NUMBERS, signed ones moved by the middle of their range."""
    wide: Array = numbers.astype(np.int32)
    signed = np.dtype(numbers.dtype).kind == "i" or numbers.dtype.name in ("int4", "int2")
    return wide + (1 << (bits - 1)) if signed else wide
