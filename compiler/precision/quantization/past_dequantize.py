"""Moves ops past a dequantize, onto the quantized tensor: queries about its scales, and the rewrite
itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....dialects.core.ir import Operation, Value
from ....dialects.core.location import merge
from ....dialects.core.module import Module
from ....dialects.graph.quantization import Dequantize, Quantize, Scaling
from ...patterns.matching import constant_array, produced_by
from ...patterns.rewrite import AnyOp, Rewriter


def equal_constants(a: Value | None, b: Value | None, module: Module) -> bool:
    """Whether A and B are the same value, equal constants, or both absent."""
    if a is b:
        return True
    if a is None or b is None or a.type != b.type:
        return False
    first, second = constant_array(a, module), constant_array(b, module)
    return first is not None and second is not None and np.array_equal(first, second)


def same_scaling(a: Scaling, b: Scaling, module: Module) -> bool:
    """True when A and B have the same quantized type, scale, zero point and axis."""
    if a.quantized != b.quantized or (not a.per_tensor and (a.axis, a.block) != (b.axis, b.block)):
        return False
    return equal_constants(a.scale, b.scale, module) and equal_constants(a.zero_point, b.zero_point, module)


def with_scale_of(op: Scaling, x: Value, axis: int = 0) -> Scaling:
    """OP on X instead of its own operand, its scale along AXIS."""
    axis = 0 if op.per_tensor else axis
    return type(op)(x, op.scale, op.zero_point, **{**op.attributes, "axis": axis})


def with_operand(op: AnyOp, x: Value) -> AnyOp:
    """OP with X as its first operand, its result type inferred again."""
    attributes = {key: value for key, value in op.attributes.items() if value is not None}
    return type(op)(x, *op.operands[1:], **attributes)


def per_tensor_dequantize(value: Value | None) -> Dequantize | None:
    """The dequantize op that produces VALUE, if its scale is per tensor."""
    found = produced_by(value, Dequantize)
    return found if found is not None and found.per_tensor else None


def keeps_order(op: Scaling, module: Module) -> bool:
    """Whether quantization is monotonic, because the scale is known to be positive."""
    if isinstance(op, Quantize) and not op.saturate:
        return False  # what overflows becomes NaN
    scale = constant_array(op.scale, module)
    return scale is not None and bool((scale > 0).all())


def move_before(
    op: Operation, inner: Sequence[Dequantize], moved: Operation, rewriter: Rewriter, axis: int = 0
) -> bool:
    """Replace OP, a consumer of INNER, by MOVED, the same op on quantized operands, and a dequantize after
    it.

    All INNER have the same scale and zero point. MOVED gets OP's location, the new dequantize that of INNER.
    """
    last = with_scale_of(inner[0], rewriter.insert(moved).result, axis)
    last.location = merge([old.location for old in inner])
    rewriter.replace(op, rewriter.insert(last).result, located=True)
    return True
