"""Steps along axes: reductions, softmax, normalisations, sums along an axis."""

from __future__ import annotations

import numpy as np

from ..draft import FLOAT, Draft
from .registry import node_maker

REDUCTIONS = (
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare",
    "ReduceLogSumExp", "ReduceProd",
)  # fmt: skip


@node_maker
def reduction(d: Draft) -> str:
    x = d.ranked(1)
    axes = [axis for axis in range(d.rank(x)) if d.chance(50)] or [d.axis(x)]
    return d.add(d.choice(*REDUCTIONS), x, d.ints(*axes), keepdims=d.integer(0, 1))


@node_maker
def softmax(d: Draft) -> str:
    x = d.ranked(1)
    return d.add(d.choice("Softmax", "Softmax", "LogSoftmax"), x, axis=d.axis(x))


@node_maker
def centred(d: Draft) -> str:
    x = d.ranked(1)
    return d.add("Sub", x, d.add("ReduceMean", x, d.ints(d.axis(x)), keepdims=1))


@node_maker
def layer_norm(d: Draft) -> str:
    x = d.pick(lambda array: array.ndim >= 2 and array.shape[-1] > 1, "wide")
    width = d.shape(x)[-1]
    bias = [d.weights(width)] if d.chance(50) else []
    return d.add("LayerNormalization", x, d.weights(width), *bias, axis=-1, epsilon=1e-2)


@node_maker
def rms_norm(d: Draft) -> str:
    """The parts of an RMS normalisation, as exporters write them."""
    x = d.ranked(2)
    square = d.add("ReduceMean", d.add("Mul", x, x), d.ints(-1), keepdims=1)
    root = d.add("Sqrt", d.add("Add", square, d.const(np.float32(1e-2))))
    return d.add("Mul", d.add("Div", x, root), d.weights(d.shape(x)[-1]))


@node_maker
def batch_norm(d: Draft) -> str:
    x = d.ranked(2, 4)
    channels = d.shape(x)[1]
    variance = d.const(np.abs(d.numbers((channels,))) + np.float32(0.5))
    scale, bias, mean = (d.const(d.numbers((channels,))) for _ in range(3))
    return d.add("BatchNormalization", x, scale, bias, mean, variance)


@node_maker
def instance_norm(d: Draft) -> str:
    x = d.pick(lambda array: array.ndim in (3, 4) and np.prod(array.shape[2:]) > 1, "image")
    channels = d.shape(x)[1]
    scale, bias = d.const(d.numbers((channels,))), d.const(d.numbers((channels,)))
    if channels % 2 == 0 and d.chance(40):
        return d.add("GroupNormalization", x, scale, bias, num_groups=2, epsilon=1e-2)
    return d.add("InstanceNormalization", x, scale, bias, epsilon=1e-2)


@node_maker
def running_sum(d: Draft) -> str:
    x = d.ranked(1)
    axis = d.const(np.array(d.axis(x), np.int64))
    return d.add("CumSum", x, axis, exclusive=d.integer(0, 1), reverse=d.integer(0, 1))


@node_maker
def extreme_place(d: Draft) -> str:
    """The place of an extreme, as a number."""
    x = d.ranked(1)
    axis = d.axis(x)
    with np.errstate(all="ignore"):
        d.jumps(np.diff(np.sort(d.values[x], axis=axis), axis=axis))
    op, keep = d.choice("ArgMax", "ArgMin"), d.integer(0, 1)
    return d.add("Cast", d.add(op, x, axis=axis, keepdims=keep), to=FLOAT)
