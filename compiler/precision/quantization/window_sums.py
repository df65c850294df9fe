"""The sums over each window, or each row, of a contraction's first operand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....dialects.core.ir import Value
from ....dialects.graph.constants import constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.movement.reshape import Reshape
from ...patterns.rewrite import Rewriter


def window_sums(
    op: Conv | Matmul, x: Value, w: Value, attributes: Mapping[str, Any], rewriter: Rewriter
) -> Value:
    """The sums (i32) over the bytes of X that OP, with other ATTRIBUTES, reads for each result.

    They are products with weights of 1, so that tensor cores compute them. These weights have the type of W,
    the weights of OP itself, so that both contractions can be joined. The sums have a shape that broadcasts
    to OP's result: all output channels of a group share them.
    """
    ones = np.ones(_shape(op), w.type.dtype.numpy)
    held = rewriter.insert(constant(rewriter.module, ones)).result
    sums = rewriter.insert(type(op)(x, held, **attributes)).result
    return _spread(op, sums, rewriter) if isinstance(op, Conv) else sums


def _shape(op: Conv | Matmul) -> tuple[int, ...]:
    """The shape of constant weights with one output channel per group."""
    sizes = [int(str(size)) for size in (op.w if isinstance(op, Conv) else op.b).type.shape]
    if isinstance(op, Conv):
        return (op.groups, *sizes[1:])
    return (1, sizes[-1]) if op.transpose_b else (sizes[-2], 1)


def _spread(op: Conv, sums: Value, rewriter: Rewriter) -> Value:
    """SUMS, one channel per group, repeated for all output channels of each group."""
    batch, channels, *spatial = op.result.type.shape
    assert isinstance(channels, int)  # its weights are constants
    if op.groups in (1, channels):
        return sums
    share = channels // op.groups
    apart = rewriter.insert(Reshape(sums, shape=(batch, op.groups, 1, *spatial)))
    spread = rewriter.insert(Expand(apart.result, shape=(batch, op.groups, share, *spatial)))
    return rewriter.insert(Reshape(spread.result, shape=(batch, channels, *spatial))).result
