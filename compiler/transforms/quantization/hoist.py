"""Quantisation before ops that only move or select elements, so that these work on bytes."""

from __future__ import annotations

from ....dialects.graph.movement import Concat, Reshape, Slice, Transpose
from ....dialects.graph.quantization import Dequantize, Quantize
from ....dialects.graph.window import MaxPool
from ...rewrite import Rewriter, pattern
from ..matching import only_use


@pattern("quantize-before-movement", Quantize)
def quantize_before_movement(op: Quantize, rewriter: Rewriter) -> bool:
    """quantize(max_pool(x), s) => max_pool(quantize(x, s)), likewise reshape, transpose, slice, concat"""
    moved = op.x.producer
    if not isinstance(moved, (MaxPool, Reshape, Transpose, Slice, Concat)) or not op.per_tensor:
        return False
    if not only_use(op.x) or len(moved.results) != 1:
        return False
    parts = moved.parts if isinstance(moved, Concat) else moved.inputs
    if not all(only_use(part) or isinstance(part.producer, Dequantize) for part in parts):
        return False
    stored = [rewriter.insert(Quantize(part, op.scale, op.zero_point, to=op.to)).result for part in parts]
    attributes = {name: value for name, value in moved.attributes.items() if value is not None}
    new = rewriter.insert(type(moved)(*stored, loc=moved.location, **attributes))
    rewriter.replace(op, new.result, absorbed=[moved])
    return True
