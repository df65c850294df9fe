"""Epilogues of byte contractions: biases are added to the exact sums, scales merged with following ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....dialects.core.dtypes import F32
from ....dialects.core.ir import Value
from ....dialects.core.module import Module
from ....dialects.core.types import TensorType
from ....dialects.graph.binary import Add, Mul, Sub
from ....dialects.graph.constants import constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.quantization import Quantize
from ...patterns.channel_scale import channel_axis, per_channel
from ...patterns.matching import constant_array, only_use, produced_by
from ...patterns.rewrite import Rewriter, pattern
from .contractions import LARGEST_PRODUCT, LARGEST_SUM, depth
from .dequantized import as_dequantized, positive, through_reshape
from .division import Division, whole_sums

Array = np.ndarray[Any, Any]
SAME_SCALE = 1e-6  # relative: two roundings of one product of scales


@pattern("integer-bias", Add)
def integer_bias(op: Add, rewriter: Rewriter) -> bool:
    """add(cast(sums) * s, dequantize(b, s)) => cast(sums + b) * s, for a bias b that is stored in i32"""
    product = produced_by(op.x, Mul)
    sums = None if product is None else whole_sums(product.x)
    if product is None or sums is None or not only_use(op.x) or product.result.type != op.result.type:
        return False
    contraction = _contraction(sums)
    if contraction is None:
        return False
    scale = per_channel(product.y, op.result.type, channel_axis(contraction), rewriter.module)
    bias = _stored_bias(op.y, op.result.type, channel_axis(contraction), scale, rewriter.module)
    if bias is None or not _fits(bias, contraction):
        return False
    added = rewriter.insert(constant(rewriter.module, bias))
    total = rewriter.insert(Add(sums, added.result))
    numbers = rewriter.insert(Cast(total.result, to=F32))
    rewriter.replace(op, rewriter.insert(Mul(numbers.result, product.y)).result, absorbed=[product])
    return True


def _contraction(sums: Value) -> Conv | Matmul | None:
    """The contraction that produces SUMS, before the zero-point corrections."""
    add = produced_by(sums, Add)
    inner = sums if add is None else add.x
    less = produced_by(inner, Sub)
    op = (inner if less is None else less.x).producer
    return op if isinstance(op, (Conv, Matmul)) else None


def _stored_bias(
    value: Value, result: TensorType, axis: int, scale: Array | None, module: Module
) -> Array | None:
    """The constant VALUE quantized to integers at a per-channel SCALE, in VALUE's shape."""
    found = as_dequantized(through_reshape(value), module)
    if found is None or scale is None or found.zero_point.any():
        return None
    stored = constant_array(found.stored, module)
    if stored is None or stored.dtype != np.int32:
        return None
    whole = stored.reshape([int(str(size)) for size in value.type.shape])
    lead = result.rank - whole.ndim
    varies = any(size != 1 for at, size in enumerate(whole.shape, lead) if at != axis)
    if found.scale.size > 1 and (varies or found.scale.shape != scale.shape):
        return None
    return whole if np.allclose(found.scale, scale, rtol=SAME_SCALE, atol=0.0) else None


def _fits(bias: Array, contraction: Conv | Matmul) -> bool:
    """Whether no sum of CONTRACTION plus BIAS can overflow an i32."""
    terms = depth(contraction)
    most = int(np.abs(bias.astype(np.int64)).max(initial=0))
    return isinstance(terms, int) and most + terms * LARGEST_PRODUCT <= LARGEST_SUM


@pattern("integer-requantize", Quantize)
def integer_requantize(op: Quantize, rewriter: Rewriter) -> bool:
    """quantize(relu(cast(sums) * s + b), t) => quantize(relu(cast(sums) * (s / t) + b / t), 1)"""
    target = constant_array(op.scale, rewriter.module)
    if not op.per_tensor or target is None or not positive(target) or target == 1 or op.precision != F32:
        return False
    division = Division(target.astype(np.float64), rewriter.module)
    if not division.reaches_sums(op.x):
        return False
    numbers = division.apply(op.x, rewriter)
    one = rewriter.insert(constant(rewriter.module, np.ones((), np.float32)))
    new = rewriter.insert(Quantize(numbers, one.result, op.zero_point, **op.attributes))
    rewriter.replace(op, new.result, absorbed=division.replaced)
    return True
