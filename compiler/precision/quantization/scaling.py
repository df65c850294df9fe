"""Queries about scales that rules on quantized tensors share, and helpers to move ops past a dequantize."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....dialects.core.ir import Module, Operation, Value
from ....dialects.core.location import merge
from ....dialects.graph.quantization import Dequantize, Scaling
from ...patterns.matching import constant_array, produced_by
from ...patterns.rewrite import AnyOp, Rewriter


def equal(a: Value | None, b: Value | None, module: Module) -> bool:
    """Whether A and B are the same value, equal constants, or both absent."""
    if a is b:
        return True
    if a is None or b is None or a.type != b.type:
        return False
    first, second = constant_array(a, module), constant_array(b, module)
    return first is not None and second is not None and np.array_equal(first, second)


def same_scaling(a: Scaling, b: Scaling, module: Module) -> bool:
    """True when A and B have one quantized type, scale and zero point, along one axis."""
    if a.quantized != b.quantized or (not a.per_tensor and (a.axis, a.block) != (b.axis, b.block)):
        return False
    return equal(a.scale, b.scale, module) and equal(a.zero_point, b.zero_point, module)


def rescaled(op: Scaling, x: Value, axis: int = 0) -> Scaling:
    """OP on X instead of its own operand, its scale along AXIS."""
    axis = 0 if op.per_tensor else axis
    return type(op)(x, op.scale, op.zero_point, **{**op.attributes, "axis": axis})


def on(op: AnyOp, x: Value) -> AnyOp:
    """OP with X as its first operand, its result type inferred anew."""
    attributes = {key: value for key, value in op.attributes.items() if value is not None}
    return type(op)(x, *op.operands[1:], **attributes)


def whole(value: Value | None) -> Dequantize | None:
    """The dequantize op that produces VALUE, if its scale is per tensor."""
    found = produced_by(value, Dequantize)
    return found if found is not None and found.per_tensor else None


def ascending(op: Scaling, module: Module) -> bool:
    """Whether quantization keeps the order of numbers, because the scale is known to be positive."""
    scale = constant_array(op.scale, module)
    return scale is not None and bool((scale > 0).all())


def delay(
    op: Operation, inner: Sequence[Dequantize], moved: Operation, rewriter: Rewriter, axis: int = 0
) -> bool:
    """Replace OP, which reads INNER, by MOVED (the same on quantized numbers) and a dequantize behind it.

    MOVED stands for OP's nodes, the new dequantize for those of INNER, whose scales are equal.
    """
    last = rescaled(inner[0], rewriter.insert(moved).result, axis)
    last.location = merge([old.location for old in inner])
    rewriter.replace(op, rewriter.insert(last).result, located=True)
    return True
