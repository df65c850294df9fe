"""Canonicalization of products that add nothing up."""

from __future__ import annotations

from ...dialects.graph.binary import Mul
from ...dialects.graph.contraction import Matmul
from ..patterns.rewrite import Rewriter, pattern


@pattern("outer-product", Matmul)
def outer_product(op: Matmul, rewriter: Rewriter) -> bool:
    """matmul(a, b) of one column and one row => a * b, which other elementwise ops may join"""
    *_, depth = op.extents
    plain = not op.transpose_a and not op.transpose_b and op.accumulate is None and op.multiply is None
    if depth != 1 or not plain or not op.result.type.dtype.is_float:
        return False
    rewriter.replace(op, rewriter.insert(Mul(op.a, op.b)).result)
    return True


PATTERNS = (outer_product,)
