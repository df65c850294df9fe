"""Random nets of the graph level, for properties of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import F32, F64
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import HardSwish, LeakyRelu, Relu
from glassrt.dialects.graph.binary import Add, Div, Max, Mul, Sub
from glassrt.dialects.graph.elementwise import Cast, Clip
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.expand import Expand
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.normalization import Lrn
from glassrt.dialects.graph.pool import AvgPool, MaxPool
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Abs, Neg, Sigmoid
from glassrt.testing.net import Net
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

Array = np.ndarray[Any, Any]


# ---------------------------------------------------------------- random nets


def _static(value: Value, axis: int) -> int | None:
    size = value.type.shape[axis]
    return size if isinstance(size, int) else None


def _images(values: Sequence[Value]) -> list[Value]:
    """The values that may be convolved: only their batch may be symbolic."""
    return [v for v in _floats(values) if v.type.rank == 4 and all(_static(v, axis) for axis in (1, 2, 3))]


def _floats(values: Sequence[Value]) -> list[Value]:
    return [v for v in values if v.type.dtype == F32]


def _unary(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    kind = draw(st.sampled_from([Relu, Sigmoid, Tanh, Neg, Abs, LeakyRelu, HardSwish]))
    return net.add(kind, draw(st.sampled_from(_floats(values))))


def _twice(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    kind = draw(st.sampled_from([Relu, Neg, Abs]))
    return net.add(kind, net.add(kind, draw(st.sampled_from(_floats(values)))))


def _binary(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    others = [v for v in _floats(values) if v.type == x.type]
    return net.add(draw(st.sampled_from([Add, Sub, Mul, Max])), x, draw(st.sampled_from(others)))


def _with_constant(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    number = draw(st.sampled_from([-0.0, 0.0, 1.0, 2.0, -1.5]))
    kind = draw(st.sampled_from([Add, Sub, Mul]))
    operands = [x, net.const(np.full((1,) * x.type.rank, number, np.float32))]
    return net.add(kind, *(operands if draw(st.booleans()) else operands[::-1]))


def _divide(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    return net.add(Div, draw(st.sampled_from(_floats(values))), net.const(np.float32(2.5)))


def _clip(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    bounds = [net.const(np.float32(-1.0)), net.const(np.float32(1.5))]
    return net.add(Clip, draw(st.sampled_from(_floats(values))), *bounds[: draw(st.integers(0, 2))])


def _convolution(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_images(values)))
    channels = _static(x, 1) or 1
    groups = draw(st.sampled_from([g for g in (1, 2, channels) if channels % g == 0]))
    y = net.conv(x, groups * draw(st.integers(1, 3)), draw(st.sampled_from([1, 3])), groups)
    extra = draw(st.sampled_from(["", "bias", "norm", "scale", "both"]))
    if extra in ("bias", "both"):
        y = net.bias(y)
    if extra in ("norm", "both"):
        y = net.batch_norm(y)
    if extra == "scale":
        y = net.bias(net.add(Mul, y, net.weights(_static(y, 1) or 1, 1, 1)))
    return y


def _residual(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_images(values)))
    y = net.add(Add, net.bias(net.conv(x, _static(x, 1) or 1)), x)
    return net.add(Relu, y) if draw(st.booleans()) else y


def _gate(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_images(values)))
    y = net.conv(x, 4)
    return net.add(Mul, y, net.add(Sigmoid, y))


def _pool(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_images(values)))
    kind = draw(st.sampled_from([MaxPool, AvgPool]))
    if min(_static(x, 2) or 0, _static(x, 3) or 0) < 2:
        return net.add(kind, x, kernel=[1, 1])
    return net.add(kind, x, kernel=[2, 2], strides=[1, 1], pads=draw(st.sampled_from([[0] * 4, [1] * 4])))


def _lrn(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    return net.add(Lrn, draw(st.sampled_from(_images(values))), size=3)


def _transpose(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    return net.add(Transpose, x, perm=draw(st.permutations(range(x.type.rank))))


def _reshape(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from([v for v in _floats(values) if v.type.rank >= 2]))
    shape = x.type.shape
    at = draw(st.integers(0, len(shape) - 2))
    return net.add(Reshape, x, shape=[*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :]])


def _slice(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    axis = draw(st.integers(0, x.type.rank - 1))
    starts, sizes = [0] * x.type.rank, list(x.type.shape)
    size = sizes[axis]
    if isinstance(size, int) and size > 1:
        starts[axis] = draw(st.integers(0, size - 1))
        sizes[axis] = draw(st.integers(1, size - starts[axis]))
    return net.add(Slice, x, starts=starts, sizes=sizes)


def _concat(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    others = [v for v in _floats(values) if v.type == x.type]
    parts = [x, *draw(st.lists(st.sampled_from(others), max_size=2))]
    return net.add(Concat, *parts, axis=draw(st.integers(0, x.type.rank - 1)))


def _pad(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    pads = draw(st.lists(st.integers(0, 1), min_size=2 * x.type.rank, max_size=2 * x.type.rank))
    return net.add(Pad, x, pads=[0 if _static(x, i % x.type.rank) is None else p for i, p in enumerate(pads)])


def _expand(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    reduced = net.add(Reduce, x, kind="mean", axes=[x.type.rank - 1])
    return net.add(Expand, reduced, shape=x.type.shape)


def _row(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    axis = draw(st.integers(0, x.type.rank - 1))
    match draw(st.sampled_from(["softmax", "reduce", "center", "scaled"])):
        case "softmax":
            return net.add(Softmax, x, axis=axis)
        case "reduce":
            return net.add(Reduce, x, kind=draw(st.sampled_from(["sum", "max", "mean"])), axes=[axis])
        case "center":
            return net.add(Sub, x, net.add(Reduce, x, kind="mean", axes=[axis]))
    scaled = net.add(Mul, x, net.const(np.float32(0.5)))
    return net.add(Mul, net.add(Softmax, scaled, axis=axis), x)


def _product(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    wide = [v for v in _floats(values) if v.type.rank in (2, 3) and _static(v, -1)]
    column = [values[0].type.elements, 1]
    x = draw(st.sampled_from(wide)) if wide else net.add(Reshape, values[0], shape=column)
    return net.linear(x, draw(st.integers(1, 5)))


def _casts(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    wide = net.add(Cast, draw(st.sampled_from(_floats(values))), to=F64)
    return net.add(Cast, wide, to=F32)


def _folded(draw: DrawFn, net: Net, values: list[Value]) -> Value:
    x = draw(st.sampled_from(_floats(values)))
    known = net.add(Mul, net.weights(1), net.weights(1))
    return net.add(Add, x, known)


Maker = Callable[[DrawFn, Net, list[Value]], Value]
MAKERS: tuple[Maker, ...] = (
    _unary, _twice, _binary, _with_constant, _divide, _clip, _convolution, _residual, _gate, _pool, _lrn,
    _transpose, _reshape, _slice, _concat, _pad, _expand, _row, _product, _casts, _folded,
)  # fmt: skip
NEEDS_IMAGE = (_convolution, _residual, _gate, _pool, _lrn)
MOST_ELEMENTS = 4000


@st.composite
def nets(draw: DrawFn, most: int = 10, symbolic: bool | None = None) -> Module:
    """A random net of up to MOST drawn steps over an image, with a symbolic batch or a fixed one."""
    net = Net(seed=draw(st.integers(0, 9)))
    batch: Dim = 2
    if draw(st.booleans()) if symbolic is None else symbolic:
        batch = net.symbol("N", 1, 2, 4)
    values = [net.input("x", batch, draw(st.integers(1, 4)), 5, 4)]
    for _ in range(draw(st.integers(1, most))):
        choices = [m for m in MAKERS if _images(values) or m not in NEEDS_IMAGE]
        value = draw(st.sampled_from(choices))(draw, net, values)
        size = net.module.values_at("optimum")
        if value.type.rank and evaluate(value.type.elements, size) <= MOST_ELEMENTS:
            values.append(value)
    outputs = [*draw(st.lists(st.sampled_from(values), max_size=2)), values[-1]]
    return net.done(*outputs)
