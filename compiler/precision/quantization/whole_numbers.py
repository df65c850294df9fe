"""Contractions of quantized tensors without a byte kernel, computed on whole numbers in floats.

  conv((x - zx) * sx, (w - zw) * sw) => conv((x - zx) * p, (w - zw) * q) * (sx * sw / (p * q))

p and q are the powers of two next to sx and sw: whole numbers of up to 255 times a power of two are exact in
every float type of at least 8 significant bits, so short floats lose precision in the sums only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....dialects.core.dtypes import F32
from ....dialects.graph.binary import Mul
from ....dialects.graph.constants import constant
from ....dialects.graph.contraction import BYTES, Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.quantization import Dequantize
from ...patterns.channel_scale import weight_of
from ...patterns.matching import constant_array, produced_by
from ...patterns.rewrite import Rewriter, pattern
from .contractions import NO_BYTES, Stored, spread_out, stored_operands
from .dequantized import as_dequantized

Array = np.ndarray[Any, Any]
# 255 * 2^7 is below the largest f16, and 2^-15 a multiple of the smallest.
LEAST_EXPONENT, MOST_EXPONENT = -15, 7


@pattern("whole-numbers", Conv, Matmul)
def whole_contraction(op: Conv | Matmul, rewriter: Rewriter) -> bool:
    """conv(dequantize(x), dequantize(w)) => conv(x - zx, w - zw) * scale, where w - zw does not fit a byte"""
    module = rewriter.module
    given, x, w = (
        produced_by(op.inputs[0], Dequantize),
        as_dequantized(op.inputs[0], module),
        as_dequantized(weight_of(op), module),
    )
    found = stored_operands(op, module)
    left = found.rest is not None if isinstance(found, Stored) else found == NO_BYTES
    if given is None or x is None or w is None or not left:
        return False
    weights = constant_array(w.stored, module)
    if weights is None or any(stored.type.dtype not in BYTES for stored in (x.stored, w.stored)):
        return False
    p, q = next_power(x.scale), next_power(w.scale)
    unit = rewriter.insert(constant(module, p))
    numbers = rewriter.insert(Dequantize(x.stored, unit.result, given.zero_point, to=F32))
    rank = weights.ndim
    whole = (weights.astype(np.float32) - w.broadcast(w.zero_point, rank)) * w.broadcast(q, rank)
    held = rewriter.insert(constant(module, whole.astype(np.float32)))
    sums = rewriter.insert(type(op)(numbers.result, held.result, **op.attributes))
    factor = (x.scale.astype(np.float64) * w.scale / (p * q)).astype(np.float32)
    scale = rewriter.insert(constant(module, spread_out(op, factor)))
    rewriter.replace(op, rewriter.insert(Mul(sums.result, scale.result)).result)
    return True


def next_power(scale: Array) -> Array:
    """The powers of two next to SCALE, limited so that whole numbers times these are exact."""
    exponent = np.rint(np.log2(scale.astype(np.float64)))
    return np.asarray(np.exp2(np.clip(exponent, LEAST_EXPONENT, MOST_EXPONENT)), np.float32)
