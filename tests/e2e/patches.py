"""A transformer over patches of time series, in the manner of PatchTST, as PyTorch exports one."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto

from .networks import Dim, Net

STEPS, CHANNELS, PATCH, WIDTH, AHEAD = 32, 3, 8, 16, 4
PATCHES = STEPS // PATCH


def forecast(batch: Dim = "N", axis: int = 1) -> ModelProto:
    """AHEAD steps of CHANNELS series after STEPS of them. The patches are cut along AXIS of the input.

    PyTorch's older exporter takes an axis as it is written, though a patch has one dimension more than the
    series: with -2, as in PatchTST, it unites patches along the channels, and no runtime can add positions.
    """
    net = Net(seed=5)
    x = net.input("series", batch, STEPS, CHANNELS)
    scaled, mean, deviation = standardized(net, x)
    patches = net.op("Transpose", unfold(net, scaled, axis), perm=[0, 2, 1, 3])
    embedded = net.op("Add", net.linear(patches, PATCH, WIDTH), net.normal(PATCHES, WIDTH))
    flat = net.op("Reshape", embedded, net.ints(-1, PATCHES, WIDTH))
    mixed = batch_normed(net, net.op("Add", flat, attended(net, flat)))
    back = net.op("Reshape", mixed, net.ints(-1, CHANNELS, PATCHES, WIDTH))
    rows = net.op("Reshape", back, net.ints(0, 0, -1))
    ahead = net.op("Transpose", net.linear(rows, PATCHES * WIDTH, AHEAD), perm=[0, 2, 1])
    return net.done(net.op("Add", net.op("Mul", ahead, deviation), mean))


def standardized(net: Net, x: str) -> tuple[str, str, str]:
    """X with mean 0 and deviation 1 over the observed steps, here all; the means and deviations."""
    shape = net.op("Shape", x)
    seen = net.op("Expand", net.const(np.ones(1, np.float32)), shape)
    steps = net.ints(1)
    count = net.op("Max", net.op("ReduceSum", seen, steps), net.const(np.float32(1)))
    mean = net.op("Div", net.op("ReduceSum", net.op("Mul", x, seen), steps), count)
    centred = net.op("Mul", net.op("Sub", x, mean), seen)
    power = net.op("Pow", centred, net.const(np.float32(2)))
    variance = net.op("Div", net.op("ReduceSum", power, steps), count)
    deviation = net.op("Sqrt", net.op("Add", variance, net.const(np.float32(1e-5))))
    return net.op("Div", net.op("Sub", x, mean), deviation), mean, deviation


def unfold(net: Net, x: str, axis: int) -> str:
    """PATCHES of PATCH steps each, one Slice, Transpose and Unsqueeze a patch."""
    order = [0, 1, 2]
    order.append(order.pop(axis))
    parts = []
    for start in range(0, STEPS, PATCH):
        part = net.op("Slice", x, net.ints(start), net.ints(start + PATCH), net.ints(axis))
        parts.append(net.op("Unsqueeze", net.op("Transpose", part, perm=order), net.ints(axis)))
    return str(net.op("Concat", *parts, axis=axis))


def attended(net: Net, x: str) -> str:
    """Attention with one head over the patches of each series."""
    query, key, value = (net.linear(x, WIDTH, WIDTH) for _ in range(3))
    scores = net.op("MatMul", query, net.op("Transpose", key, perm=[0, 2, 1]))
    weights = net.op("Softmax", net.op("Mul", scores, net.const(np.float32(WIDTH**-0.5))), axis=-1)
    return net.linear(net.op("MatMul", weights, value), WIDTH, WIDTH)


def batch_normed(net: Net, x: str) -> str:
    """A batch norm of sequences: its channels are the last axis of X."""
    columns = net.batch_norm(net.op("Transpose", x, perm=[0, 2, 1]), WIDTH)
    return str(net.op("Transpose", columns, perm=[0, 2, 1]))
