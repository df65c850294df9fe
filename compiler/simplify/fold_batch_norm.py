"""fold-batch-norm: folds per-channel scales and shifts into the weights and bias of a contraction.

Handles batch_norm as well as mul, div and add by per-channel constants. New weights and biases are
computed in float64 and rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import numpy as np

from ...dialects.core.dtypes import F32
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.binary import Add, Div, Mul
from ...dialects.graph.constants import constant
from ...dialects.graph.normalization import BatchNorm
from ..passes.ledger import Verdict
from ..passes.manager import PassContext
from ..patterns.channel_scale import (
    Contraction,
    broadcast_along,
    channel_axis,
    per_channel,
    scalable,
    scaled_contraction,
    shifted,
)
from ..patterns.matching import constant_array, only_use, produced_by
from ..patterns.rewrite import Pattern, Rewriter, pattern, rewrite
from .narrow_weights import scaling_cost, stored_weights

Array = np.ndarray[Any, Any]


def _affine(op: BatchNorm, module: Module) -> tuple[Array, Array] | None:
    """OP as a scale and a shift, float64 arrays [channels]; None unless all parameters are constants and
    both are finite."""
    arrays = [constant_array(value, module) for value in op.inputs[1:]]
    known = [array.astype(np.float64) for array in arrays if array is not None]
    if len(known) < len(arrays):
        return None
    gamma, beta, mean, variance = known
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(variance + op.epsilon)
        shift = beta - mean * scale
    finite = np.isfinite(scale).all() and np.isfinite(shift).all()
    return (scale, shift) if finite else None


def _biased(value: Value | None, module: Module) -> tuple[Contraction, Array] | None:
    """VALUE as a contraction plus a per-channel constant; None if VALUE or the contraction has other uses."""
    direct = scalable(value, module)
    if direct is not None:
        return direct, np.zeros(1)
    add = produced_by(value, Add)
    if add is None or value is None or not only_use(value):
        return None
    inner = scalable(add.x, module)
    if inner is None or inner.result.type != add.result.type:
        return None
    bias = per_channel(add.y, inner.result.type, channel_axis(inner), module)
    return None if bias is None else (inner, bias)


@dataclass(frozen=True)
class Rescaling:
    """The value (contraction + bias) * scale + shift, with one number per output channel in each array."""

    contraction: Contraction
    bias: Array
    scale: Array
    shift: Array


def _rescaling(value: Value | None, scale: Array, shift: Array, module: Module) -> Rescaling | None:
    found = _biased(value, module)
    if found is None or not np.isfinite(scale).all():
        return None
    contraction, bias = found
    return Rescaling(contraction, bias, np.broadcast_to(scale, _channels(contraction)), shift)


def _rescaled(root: Any, found: Rescaling | None, rewriter: Rewriter) -> bool:
    """Replace ROOT, which computes FOUND, by a contraction with scaled weights; False if FOUND is None."""
    if found is None:
        return False
    old = found.contraction
    new = scaled_contraction(old, found.scale, rewriter)
    shift = found.bias * found.scale + found.shift
    rewriter.replace(root, shifted(new.result, channel_axis(old), shift, rewriter, Add))
    return True


def _channels(op: Contraction) -> tuple[int]:
    size = op.result.type.shape[channel_axis(op)]
    assert isinstance(size, int)
    return (size,)


def _of_batch_norm(op: BatchNorm, module: Module) -> Rescaling | None:
    found = _biased(op.x, module)
    if found is None or channel_axis(found[0]) != 1:  # the columns of stacked matrices are not its channels
        return None
    affine = _affine(op, module)
    return None if affine is None else _rescaling(op.x, *affine, module)


def _of_scale(op: Mul | Div, module: Module) -> Rescaling | None:
    found = _biased(op.x, module)
    if found is None or found[0].result.type != op.result.type:
        return None
    scale = per_channel(op.y, op.result.type, channel_axis(found[0]), module)
    if scale is None:
        return None
    with np.errstate(all="ignore"):
        return _rescaling(op.x, 1.0 / scale if isinstance(op, Div) else scale, np.zeros(1), module)


@pattern("batch-norm-into-contraction", BatchNorm)
def batch_norm_into_contraction(op: BatchNorm, rewriter: Rewriter) -> bool:
    """batch_norm(conv(x, w) + b) => conv(x, w * s) + (b * s + t), with s, t from the statistics"""
    return _rescaled(op, _of_batch_norm(op, rewriter.module), rewriter)


@pattern("scale-into-contraction", Mul, Div)
def scale_into_contraction(op: Mul | Div, rewriter: Rewriter) -> bool:
    """mul(conv(x, w) + b, c) => conv(x, w * c) + b * c, for a constant c per channel; div likewise"""
    return _rescaled(op, _of_scale(op, rewriter.module), rewriter)


@pattern("bias-bias", Add)
def bias_bias(op: Add, rewriter: Rewriter) -> bool:
    """add(add(conv(x, w), b), c) => add(conv(x, w), b + c), for constants b and c per channel"""
    inner = produced_by(op.x, Add)
    found = _biased(op.x, rewriter.module) if inner is not None else None
    if inner is None or found is None or inner.result.type != op.result.type:
        return False
    contraction, bias = found
    axis = channel_axis(contraction)
    more = per_channel(op.y, op.result.type, axis, rewriter.module)
    if more is None:
        return False
    array = broadcast_along(axis, op.result.type.rank, bias + more, op.result.type.dtype.numpy)
    both = rewriter.insert(constant(rewriter.module, array))
    new = rewriter.insert(Add(contraction.result, both.result))
    rewriter.replace(op, new.result, absorbed=[inner])
    return True


@pattern("batch-norm-affine", BatchNorm)
def batch_norm_affine(op: BatchNorm, rewriter: Rewriter) -> bool:
    """batch_norm(x) => x * s + t, with constants s and t from the statistics"""
    affine = _affine(op, rewriter.module)
    if affine is None or op.result.type.dtype.bits < F32.bits:
        # 16-bit floats would round after the product; batch_norm computes in f32 throughout.
        return False
    rank, dtype = op.x.type.rank, op.x.type.dtype.numpy
    scale, shift = (
        rewriter.insert(constant(rewriter.module, broadcast_along(1, rank, a, dtype))) for a in affine
    )
    product = rewriter.insert(Mul(op.x, scale.result))
    rewriter.replace(op, rewriter.insert(Add(product.result, shift.result)).result)
    return True


PATTERNS = (batch_norm_into_contraction, batch_norm_affine, scale_into_contraction, bias_bias)


SCALINGS: dict[Pattern, Callable[[Any, Module], Rescaling | None]] = {
    batch_norm_into_contraction: _of_batch_norm,
    scale_into_contraction: _of_scale,
}


class FoldBatchNorm:
    """Applies PATTERNS until none matches, except where the policy's format cannot hold the scaled weights.

    Such a scale stays after the contraction, in f32.
    """

    name = "fold-batch-norm"

    def run(self, module: Module, context: PassContext) -> Module:
        rules = [_unless_costly(rule, context) for rule in PATTERNS if rule.name not in context.disabled]
        rewrite(module, rules, context.note_rewrite)
        return module


def _unless_costly(rule: Pattern, context: PassContext) -> Pattern:
    """RULE, guarded: it is refused, with a ledger record, where scaling would lose precision of weights."""
    refused: set[Operation] = set()

    @wraps(rule.apply)
    def apply(op: Any, rewriter: Rewriter) -> bool:
        found = SCALINGS[rule](op, rewriter.module) if rule in SCALINGS else None
        reason = "" if found is None else _cost(found, context, rewriter.module)
        if not reason:
            return rule.apply(op, rewriter)
        if found is not None and op not in refused:
            _note(rule, found.contraction, op, reason, context)
        refused.add(op)
        return False

    return replace(rule, apply=apply)


def _cost(found: Rescaling, context: PassContext, module: Module) -> str:
    dtype = stored_weights(found.contraction, context.policy)
    return scaling_cost(found.contraction, found.scale, dtype, module)


def _note(rule: Pattern, product: Operation, op: Operation, reason: str, context: PassContext) -> None:
    nodes = product.location.nodes
    own = tuple(node for node in op.location.nodes if node not in nodes)
    ops, about = (product.name, op.name), (*nodes, *own)
    context.ledger.add(rule.name, Verdict.REFUSED, reason, ops=ops, nodes=about, split=len(nodes))
