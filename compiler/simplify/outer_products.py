"""Canonicalization of products that add nothing up."""

from __future__ import annotations

import numpy as np

from ...dialects.graph.binary import Add, Mul
from ...dialects.graph.constants import constant
from ...dialects.graph.contraction import Matmul
from ..patterns.rewrite import Rewriter, pattern


@pattern("outer-product", Matmul)
def outer_product(op: Matmul, rewriter: Rewriter) -> bool:
    """matmul(a, b) of one column and one row => a * b + 0, which other elementwise ops may join"""
    *_, depth = op.extents
    plain = not op.transpose_a and not op.transpose_b and op.accumulate is None and op.multiply is None
    dtype = op.result.type.dtype
    if depth != 1 or not plain or not dtype.is_float:
        return False
    product = rewriter.insert(Mul(op.a, op.b)).result
    zero = rewriter.insert(constant(rewriter.module, np.zeros((), dtype.numpy))).result
    rewriter.replace(op, rewriter.insert(Add(product, zero)).result)  # a sum of -0 is 0
    return True


PATTERNS = (outer_product,)
