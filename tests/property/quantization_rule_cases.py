"""For every rewrite rule on quantized tensors a generator of nets that it applies to."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.dialects.core.dtypes import F16, F32, I8, U8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.expand import Expand, Tile
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.resize import Resize
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.testing.net import Net
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .movement_rule_cases import CASES as CASES
from .movement_rule_cases import nets_for as nets_for
from .rule_cases import case


def scaling(draw: DrawFn, net: Net, dtype: DType) -> list[Value]:
    """A scale, and sometimes a zero point, for a tensor of DTYPE."""
    found = [net.const(np.float32(draw(st.sampled_from([0.25, 0.1, 1.7]))))]
    if draw(st.booleans()):
        found.append(net.const(np.array(draw(st.integers(1, 100)), dtype.numpy)))
    return found


def byte(draw: DrawFn) -> DType:
    return draw(st.sampled_from([I8, U8]))


def dequantized(draw: DrawFn, net: Net, *shape: int, to: DType = F32) -> Value:
    """An input of bytes as the numbers it stands for."""
    dtype = byte(draw)
    q = net.input("x", *shape, dtype=dtype)
    return net.add(Dequantize, q, *scaling(draw, net, dtype), to=to)


def along(draw: DrawFn, net: Net, *shape: int) -> Value:
    """As `dequantized`, with one scale for all or one per position of some axis."""
    if draw(st.booleans()):
        return dequantized(draw, net, *shape, to=draw(st.sampled_from([F32, F16])))
    axis = draw(st.integers(0, len(shape) - 1))
    scale = net.const(np.linspace(0.1, 2, shape[axis], dtype=np.float32))
    return net.add(Dequantize, net.input("x", *shape, dtype=I8), scale, axis=axis, to=F32)


@case("quantize-dequantize")
def _quantize_dequantize(draw: DrawFn, net: Net) -> Value:
    dtype = byte(draw)
    q = net.input("x", 3, 4, dtype=dtype)
    if draw(st.booleans()):
        given, axis = [net.const(np.array([0.1, 1.7, 3e-5], np.float32))], 0
    else:
        given, axis = scaling(draw, net, dtype), draw(st.integers(0, 1))
    real = net.add(Dequantize, q, *given, axis=axis, to=F32)
    return net.add(Quantize, real, *given, axis=axis, to=dtype)


@case("centre-weights")
def _centre_weights(draw: DrawFn, net: Net) -> Value:
    q = net.const(net.random.integers(60, 180, (3, 4)).astype(np.uint8))
    axis = draw(st.integers(0, 1))
    shape = draw(st.sampled_from([(), ((3, 4)[axis],)]))
    zero = net.const(net.random.integers(100, 150, shape).astype(np.uint8))
    scale = net.const(net.random.uniform(0.1, 1, shape).astype(np.float32))
    return net.add(Dequantize, q, scale, zero, axis=axis, to=F32)


@case("dequantize-after-movement")
def _movement(draw: DrawFn, net: Net) -> Value:
    x = dequantized(draw, net, 1, 3, 4)
    made: list[tuple[Any, list[Value], dict[str, Any]]] = [
        (Slice, [], {"starts": [0, 2, 1], "sizes": [1, 2, 2], "steps": [1, -1, 2]}),
        (Expand, [], {"shape": [2, 3, 4]}),
        (Tile, [], {"repeats": [2, 1, 2]}),
        (Gather, [net.const(np.array([2, 0, -1]))], {"axis": 1}),
    ]
    op, others, attributes = draw(st.sampled_from(made))
    return net.add(op, x, *others, **attributes)


@case("dequantize-after-reshape")
def _reshape(draw: DrawFn, net: Net) -> Value:
    x = along(draw, net, 2, 6)
    return net.add(Reshape, x, shape=draw(st.sampled_from([(2, 6, 1), (1, 2, 6), (2, 1, 1, 6)])))


@case("dequantize-after-transpose")
def _transpose(draw: DrawFn, net: Net) -> Value:
    return net.add(Transpose, along(draw, net, 2, 3, 4), perm=draw(st.permutations(range(3))))


@case("dequantize-after-pad")
def _pad(draw: DrawFn, net: Net) -> Value:
    x, mode = dequantized(draw, net, 2, 4), draw(st.sampled_from(["constant", "edge", "reflect", "wrap"]))
    value = [net.const(np.float32(0))] if mode == "constant" and draw(st.booleans()) else []
    return net.add(Pad, x, *value, pads=draw(st.sampled_from([[0, 1, 1, 2], [1, -1, 0, 3]])), mode=mode)


@case("dequantize-after-resize")
def _resize(draw: DrawFn, net: Net) -> Value:
    x = dequantized(draw, net, 1, 2, 3, 3)
    coordinates = draw(st.sampled_from(["half_pixel", "asymmetric", "align_corners"]))
    return net.add(Resize, x, sizes=[1, 2, 6, 5], coordinates=coordinates)


@case("dequantize-after-max-pool")
def _max_pool(draw: DrawFn, net: Net) -> Value:
    x = dequantized(draw, net, 1, 2, 5, 4)
    pads = draw(st.lists(st.integers(0, 1), min_size=4, max_size=4))
    return net.add(MaxPool, x, kernel=[3, 2], pads=pads, strides=[2, 1], ceil_mode=draw(st.booleans()))


@case("dequantize-after-relu")
def _relu(draw: DrawFn, net: Net) -> Value:
    return net.add(Relu, dequantized(draw, net, 3, 7))


@case("dequantize-after-concat")
def _concat(draw: DrawFn, net: Net) -> Value:
    dtype = byte(draw)
    given = scaling(draw, net, dtype)
    others = [given[0], *(net.const(zero.producer.array(net.module)) for zero in given[1:])]
    parts = [net.input(name, 2, size, dtype=dtype) for name, size in (("a", 3), ("b", 1), ("c", 2))]
    real = [net.add(Dequantize, part, *draw(st.sampled_from([given, others])), to=F32) for part in parts]
    return net.add(Concat, *real, axis=1)


@case("quantize-before-concat")
def _concat_rescaled(draw: DrawFn, net: Net) -> Value:
    dtype = byte(draw)
    rescaled = net.add(Dequantize, net.input("a", 2, 3, dtype=dtype), *scaling(draw, net, dtype), to=F32)
    parts = draw(st.permutations([rescaled, net.input("b", 2, 2)]))
    return net.add(Quantize, net.add(Concat, *parts, axis=1), *scaling(draw, net, dtype), to=dtype)


@case("quantize-before-movement")
def _quantize_moved(draw: DrawFn, net: Net) -> Value:
    x, dtype = net.input("x", 2, 3), byte(draw)
    moved = draw(st.sampled_from([(Reshape, {"shape": (3, 2)}), (Transpose, {"perm": (1, 0)})]))
    return net.add(Quantize, net.add(moved[0], x, **moved[1]), *scaling(draw, net, dtype), to=dtype)


@case("quantized-pad-into-conv")
def _quantized_pad(draw: DrawFn, net: Net) -> Value:
    dtype = byte(draw)
    q, given = net.input("x", 1, 2, 4, 4, dtype=dtype), scaling(draw, net, dtype)
    padded = net.add(Pad, q, *given[1:], pads=[0, 0, 1, 0, 0, 0, 2, 1])
    return net.add(Conv, net.add(Dequantize, padded, *given, to=F32), net.weights(3, 2, 2, 2))
