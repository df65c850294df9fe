"""Rules for adjacent quantize and dequantize, and for the storage of quantized constants."""

from __future__ import annotations

from ....dialects.core.dtypes import F8E5M2, F32
from ....dialects.graph.constants import constant
from ....dialects.graph.quantization import Dequantize, Quantize
from ...patterns.matching import constant_array, produced_by
from ...patterns.rewrite import Rewriter, pattern
from .dequantized import less_zero_point
from .past_dequantize import same_scaling


@pattern("quantize-dequantize", Quantize)
def quantize_dequantize(op: Quantize, rewriter: Rewriter) -> bool:
    """quantize(dequantize(q, s, z), s, z) => q, for equal types; the round trip is exact in f32"""
    inner = produced_by(op.x, Dequantize)
    if inner is None or inner.to != F32 or not same_scaling(op, inner, rewriter.module):
        return False
    if op.precision != F32 or (op.to.is_float and op.zero_point is not None):
        return False  # rounded on the way
    if op.to == F8E5M2 and op.saturate:
        return False  # an infinity would become a number
    rewriter.replace(op, inner.x)
    return True


@pattern("centre-weights", Dequantize)
def centre_weights(op: Dequantize, rewriter: Rewriter) -> bool:
    """dequantize(c, s, z) => dequantize(c - z, s), for a constant c where c - z fits i8"""
    module = rewriter.module
    array, zero = constant_array(op.x, module), constant_array(op.zero_point, module)
    if array is None or zero is None or op.block or op.quantized.is_float:
        return False
    centred = less_zero_point(array, zero, op.axis)
    if centred is None:
        return False
    stored = rewriter.insert(constant(module, centred)).result
    new = Dequantize(stored, op.scale, axis=op.axis, to=op.to)
    rewriter.replace(op, rewriter.insert(new).result)
    return True


PATTERNS = (quantize_dequantize, centre_weights)
