"""Rules that move ops across quantize and dequantize, where the result is exactly the same.

Reshapes, max pools and similar ops only select elements, so they can select quantized ones. Quantize and
dequantize then become adjacent, and the rules for pairs (`pairs.py`) apply.
"""

from __future__ import annotations

import numpy as np

from ....dialects.core.affine import product
from ....dialects.core.ir import Operation
from ....dialects.graph.activations import Relu
from ....dialects.graph.binary import Max
from ....dialects.graph.constants import constant
from ....dialects.graph.convolution import Conv
from ....dialects.graph.indexing import Gather
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.expand import Expand, Tile
from ....dialects.graph.movement.pad import Pad
from ....dialects.graph.movement.reshape import Reshape, Transpose
from ....dialects.graph.movement.resize import Resize
from ....dialects.graph.movement.slicing import Slice
from ....dialects.graph.pool import MaxPool
from ....dialects.graph.quantization import Dequantize, Quantize
from ...patterns.matching import constant_array, is_splat, only_use, produced_by
from ...patterns.rewrite import Rewriter, pattern
from .past_dequantize import (
    equal_constants,
    keeps_order,
    move_before,
    per_tensor_dequantize,
    same_scaling,
    with_operand,
    with_scale_of,
)


@pattern("dequantize-after-movement", Slice, Expand, Tile, Gather)
def dequantize_after_movement(op: Operation, rewriter: Rewriter) -> bool:
    """slice(dequantize(q)) => dequantize(slice(q)), likewise expand, tile and gather; one scale for all"""
    inner = per_tensor_dequantize(op.operands[0])
    return inner is not None and move_before(op, [inner], with_operand(op, inner.x), rewriter)


@pattern("dequantize-after-reshape", Reshape)
def dequantize_after_reshape(op: Reshape, rewriter: Rewriter) -> bool:
    """reshape(dequantize(q)) => dequantize(reshape(q)), where the axis of the scale is kept"""
    inner = produced_by(op.x, Dequantize)
    axis = None if inner is None else _kept_axis(inner, op)
    if inner is None or axis is None:
        return False
    return move_before(op, [inner], with_operand(op, inner.x), rewriter, axis)


def _kept_axis(inner: Dequantize, op: Reshape) -> int | None:
    """The axis of INNER's scale after OP; None when OP splits it or merges it with others."""
    if inner.per_tensor:
        return 0
    old, new = inner.x.type.shape, op.result.type.shape
    if inner.block:
        return None
    before = product(old[: inner.axis])
    for axis, size in enumerate(new):
        if size == old[inner.axis] and product(new[:axis]) == before:
            return axis
    return None


@pattern("dequantize-after-transpose", Transpose)
def dequantize_after_transpose(op: Transpose, rewriter: Rewriter) -> bool:
    """transpose(dequantize(q)) => dequantize(transpose(q))"""
    inner = produced_by(op.x, Dequantize)
    if inner is None or inner.block:
        return False
    axis = 0 if inner.per_tensor else list(op.perm).index(inner.axis)
    return move_before(op, [inner], with_operand(op, inner.x), rewriter, axis)


@pattern("dequantize-after-pad", Pad)
def dequantize_after_pad(op: Pad, rewriter: Rewriter) -> bool:
    """pad(dequantize(q), 0) => dequantize(pad(q, zero point)); any padding that repeats elements of q"""
    inner = per_tensor_dequantize(op.x)
    if inner is None:
        return False
    if op.mode == "constant" and op.value is not None and not _is_zero(op, rewriter):
        return False
    filling = inner.zero_point if op.mode == "constant" else None
    return move_before(op, [inner], Pad(inner.x, filling, pads=op.pads, mode=op.mode), rewriter)


def _is_zero(op: Pad, rewriter: Rewriter) -> bool:
    array = constant_array(op.value, rewriter.module)
    # A dequantized zero point is +0, so a padding of -0 must stay.
    return array is not None and not np.any(array) and not np.signbit(array.astype(np.float64)).any()


@pattern("dequantize-after-resize", Resize)
def dequantize_after_resize(op: Resize, rewriter: Rewriter) -> bool:
    """resize(dequantize(q)) to the nearest elements => dequantize(resize(q))"""
    inner = per_tensor_dequantize(op.x)
    if inner is None or op.mode != "nearest" or op.coordinates == "tf_crop_and_resize":
        return False
    return move_before(op, [inner], with_operand(op, inner.x), rewriter)


@pattern("dequantize-after-max-pool", MaxPool)
def dequantize_after_max_pool(op: MaxPool, rewriter: Rewriter) -> bool:
    """max_pool(dequantize(q)) => dequantize(max_pool(q)), for a positive scale"""
    inner = per_tensor_dequantize(op.x)
    if inner is None or not picks_elements(op) or not keeps_order(inner, rewriter.module):
        return False
    return move_before(op, [inner], with_operand(op, inner.x), rewriter)


def picks_elements(op: Operation) -> bool:
    """Whether every element of OP's result is an element of its operand, so that it may run on quantized
    ones.

    A max pool with windows entirely in the padding does not qualify: their maximum, minus infinity, has no
    quantized number.
    """
    if not isinstance(op, MaxPool):
        return isinstance(op, (Reshape, Transpose, Slice))
    return all(d == 1 for d in op.dilations) and all(
        max(pads) < size for pads, size in zip(zip(op.begins, op.ends, strict=True), op.kernel, strict=True)
    )


@pattern("dequantize-after-relu", Relu)
def dequantize_after_relu(op: Relu, rewriter: Rewriter) -> bool:
    """relu(dequantize(q, s, z)) => dequantize(max(q, z), s, z), for integers and a positive scale"""
    inner = per_tensor_dequantize(op.x)
    if inner is None or not inner.quantized.is_integer or not keeps_order(inner, rewriter.module):
        return False
    zero = inner.zero_point
    if zero is None:
        zero = rewriter.insert(constant(rewriter.module, np.zeros((), inner.quantized.numpy))).result
    return move_before(op, [inner], Max(inner.x, zero), rewriter)


@pattern("dequantize-after-concat", Concat)
def dequantize_after_concat(op: Concat, rewriter: Rewriter) -> bool:
    """concat(dequantize(p, s, z), dequantize(q, s, z)) => dequantize(concat(p, q), s, z)"""
    parts = [per_tensor_dequantize(part) for part in op.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or any(part.to != known[0].to for part in known):
        return False
    if not all(same_scaling(part, known[0], rewriter.module) for part in known[1:]):
        return False
    return move_before(op, known, Concat(*(part.x for part in known), axis=op.axis), rewriter)


@pattern("quantize-before-concat", Quantize)
def quantize_before_concat(op: Quantize, rewriter: Rewriter) -> bool:
    """quantize(concat(x, y)) => concat(quantize(x), quantize(y)): parts of another scale are rescaled"""
    joined = produced_by(op.x, Concat)
    if joined is None or not op.per_tensor or not only_use(op.x):
        return False
    parts = [rewriter.insert(with_scale_of(op, part)).result for part in joined.parts]
    rewriter.replace(op, rewriter.insert(Concat(*parts, axis=joined.axis)).result, absorbed=[joined])
    return True


@pattern("quantize-before-movement", Quantize)
def quantize_before_movement(op: Quantize, rewriter: Rewriter) -> bool:
    """quantize(reshape(x)) => reshape(quantize(x)), likewise transpose, slice, max_pool; one scale for all"""
    moved = op.x.producer
    if not isinstance(moved, (Reshape, Transpose, Slice, MaxPool)) or not op.per_tensor:
        return False
    if not only_use(op.x) or (isinstance(moved, (Slice, MaxPool)) and not only_use(moved.x)):
        return False  # another consumer reads the larger operand as floats: it would be stored twice
    if isinstance(moved, MaxPool) and not keeps_order(op, rewriter.module):
        return False
    q = rewriter.insert(with_scale_of(op, moved.x)).result
    rewriter.replace(op, rewriter.insert(with_operand(moved, q)).result, absorbed=[moved])
    return True


@pattern("quantized-pad-into-conv", Conv)
def quantized_pad_into_conv(op: Conv, rewriter: Rewriter) -> bool:
    """conv(dequantize(pad(q, z), s, z)) => conv(dequantize(q, s, z)) with larger pads"""
    outer = per_tensor_dequantize(op.x)
    inner = None if outer is None else produced_by(outer.x, Pad)
    if outer is None or inner is None or inner.mode != "constant" or not inner.adds:
        return False
    if not _pads_with_zero(inner, outer, rewriter) or any((*inner.begins[:2], *inner.ends[:2])):
        return False
    added = (*inner.begins[2:], *inner.ends[2:])
    pads = [own + more for own, more in zip(op.pads, added, strict=True)]
    x = rewriter.insert(with_scale_of(outer, inner.x)).result
    conv = rewriter.insert(Conv(x, op.w, **{**op.attributes, "pads": pads}))
    rewriter.replace(op, conv.result, absorbed=[outer, inner])
    return True


def _pads_with_zero(pad: Pad, outer: Dequantize, rewriter: Rewriter) -> bool:
    """Whether PAD's padding value represents 0 under the scale and zero point of OUTER."""
    if outer.zero_point is None:
        return pad.value is None or is_splat(pad.value, 0, rewriter.module)
    return equal_constants(pad.value, outer.zero_point, rewriter.module)


PATTERNS = (
    dequantize_after_movement, dequantize_after_reshape, dequantize_after_transpose, dequantize_after_pad,
    dequantize_after_resize, dequantize_after_max_pool, dequantize_after_relu, dequantize_after_concat,
    quantize_before_concat, quantize_before_movement, quantized_pad_into_conv,
)  # fmt: skip
