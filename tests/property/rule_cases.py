"""For every rewrite rule a generator of nets that it applies to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from glassrt.dialects.core.dtypes import BOOL, F16, F32, F64, I32, I64
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, And, Div, Max, Min, Mul, Or, Pow, Sub
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import ConvTranspose
from glassrt.dialects.graph.elementwise import Cast, Clip, Where
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.expand import Expand, Tile
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.resize import Resize
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.recurrence import Gru, Rnn
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.unary import Abs, Ceil, Floor, Neg, Not, Round, Sign
from glassrt.testing.net import Net
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

Maker = Callable[[DrawFn, Net], Value]
CASES: dict[str, Maker] = {}


def case(rule: str) -> Callable[[Maker], Maker]:
    """Registers the generator of nets for RULE."""

    def register(make: Maker) -> Maker:
        CASES[rule] = make
        return make

    return register


@st.composite
def nets_for(draw: DrawFn, rule: str) -> Module:
    """A net that RULE applies to."""
    net = Net(seed=draw(st.integers(0, 5)))
    return net.done(CASES[rule](draw, net))


def _x(draw: DrawFn, net: Net, least: int = 1, most: int = 3, dtype: Any = F32) -> Value:
    shape = draw(st.lists(st.integers(1, 3), min_size=least, max_size=most))
    return net.input("x", *shape, dtype=dtype)


def _full(net: Net, like: Value, number: float, rank: int | None = None) -> Value:
    shape = (1,) * (like.type.rank if rank is None else rank)
    return net.const(np.full(shape, number, like.type.dtype.numpy))


# ---------------------------------------------------------------- elementwise


@case("cast-same")
def _cast_same(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    return net.add(Cast, x, to=x.type.dtype)


@case("cast-cast")
def _cast_cast(draw: DrawFn, net: Net) -> Value:
    pairs = [(F32, F64), (F16, F32), (I32, F64), (I32, I64), (BOOL, F32), (BOOL, I32)]
    narrow, wide = draw(st.sampled_from(pairs))
    x = _x(draw, net, dtype=narrow)
    return net.add(Cast, net.add(Cast, x, to=wide), to=draw(st.sampled_from([narrow, F16, I64, BOOL])))


@case("involution")
def _involution(draw: DrawFn, net: Net) -> Value:
    kind, dtype = draw(st.sampled_from([(Neg, F32), (Neg, I32), (Not, BOOL)]))
    return net.add(kind, net.add(kind, _x(draw, net, dtype=dtype)))


@case("idempotent")
def _idempotent(draw: DrawFn, net: Net) -> Value:
    kind = draw(st.sampled_from([Relu, Abs, Floor, Ceil, Round, Sign]))
    return net.add(kind, net.add(kind, _x(draw, net)))


@case("abs-neg")
def _abs_neg(draw: DrawFn, net: Net) -> Value:
    return net.add(Abs, net.add(Neg, _x(draw, net)))


@case("constant-right")
def _constant_right(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    return net.add(draw(st.sampled_from([Add, Mul])), net.weights(1), x)


@case("sub-constant")
def _sub_constant(draw: DrawFn, net: Net) -> Value:
    return net.add(Sub, _x(draw, net), net.weights(1))


@case("add-neg")
def _add_neg(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    return net.add(Add, x, net.add(Neg, net.input("z", *x.type.shape)))


@case("add-zero")
def _add_zero(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net, dtype=draw(st.sampled_from([F32, I32])))
    zero = -0.0 if x.type.dtype == F32 else 0
    return net.add(Add, x, _full(net, x, zero, draw(st.integers(0, 4))))


@case("sub-zero")
def _sub_zero(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net, dtype=draw(st.sampled_from([F32, I32])))
    return net.add(Sub, x, _full(net, x, 0))


@case("times-one")
def _times_one(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net, dtype=draw(st.sampled_from([F32, I32])))
    return net.add(draw(st.sampled_from([Mul, Div, Pow])), x, _full(net, x, 1, draw(st.integers(0, 4))))


@case("times-minus-one")
def _times_minus_one(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net, dtype=I32)
    return net.add(Mul, x, _full(net, x, -1))


@case("times-zero")
def _times_zero(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net, dtype=I32)
    return net.add(Mul, x, _full(net, x, 0))


@case("square")
def _square(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    return net.add(Pow, x, _full(net, x, 2))


@case("same-operands")
def _same_operands(draw: DrawFn, net: Net) -> Value:
    kind, dtype = draw(st.sampled_from([(Min, F32), (Max, F32), (And, BOOL), (Or, BOOL)]))
    x = _x(draw, net, dtype=dtype)
    return net.add(kind, x, x)


@case("where-constant")
def _where_constant(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    if draw(st.booleans()):
        return net.add(Where, net.input("c", *x.type.shape, dtype=BOOL), x, x)
    condition = net.const(np.full(draw(st.sampled_from([(), (1,), (2, 1, 1, 1)])), draw(st.booleans())))
    return net.add(Where, condition, x, net.input("z", *x.type.shape))


@case("clip-nothing")
def _clip_nothing(draw: DrawFn, net: Net) -> Value:
    return net.add(Clip, _x(draw, net))


@case("broadcast-expand")
def _broadcast_expand(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    small = net.input("z", *(1,) * x.type.rank)
    wide = net.add(Expand, small, shape=x.type.shape)
    return net.add(draw(st.sampled_from([Add, Sub, Mul, Max])), x, wide)


# ---------------------------------------------------------------- movement


@case("reshape-same")
def _reshape_same(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    return net.add(Reshape, x, shape=x.type.shape)


@case("reshape-reshape")
def _reshape_reshape(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    flat = net.add(Reshape, x, shape=[x.type.elements])
    return net.add(Reshape, flat, shape=[1, x.type.elements, 1])


@case("transpose-view")
def _transpose_view(draw: DrawFn, net: Net) -> Value:
    x = net.input("x", draw(st.integers(1, 3)), 1, draw(st.integers(1, 3)))
    return net.add(Transpose, x, perm=draw(st.sampled_from([[1, 0, 2], [0, 2, 1], [0, 1, 2]])))


@case("transpose-regrouped")
def _transpose_regrouped(draw: DrawFn, net: Net) -> Value:
    a, b, c, d = (draw(st.integers(2, 3)) for _ in range(4))
    x = net.input("x", a, b, c, d)
    split = draw(st.integers(0, 2))
    joined = net.add(Reshape, x, shape=[[a * b, c, d], [a, b * c, d], [a, b, c * d]][split])
    perm = draw(st.permutations(range(3)).filter(lambda p: list(p) != [0, 1, 2]))
    moved = net.add(Transpose, joined, perm=list(perm))
    parts = [[a, b], [b, c], [c, d]][split]
    shape = [size for axis in perm for size in (parts if axis == split else [joined.type.shape[axis]])]
    more = draw(st.sampled_from([[], [1]]))
    return net.add(Reshape, moved, shape=[*more, *shape])


@case("transpose-transpose")
def _transpose_transpose(draw: DrawFn, net: Net) -> Value:
    x = net.input("x", 2, 3, 4)
    first = net.add(Transpose, x, perm=draw(st.sampled_from([[1, 0, 2], [2, 0, 1], [2, 1, 0]])))
    return net.add(Transpose, first, perm=draw(st.permutations(range(3))))


@case("slice-whole")
def _slice_whole(draw: DrawFn, net: Net) -> Value:
    x = net.input("x", 3, 1)
    return net.add(Slice, x, starts=[0, 0], sizes=[3, 1], steps=[1, draw(st.sampled_from([1, 2, -1]))])


@case("slice-slice")
def _slice_slice(draw: DrawFn, net: Net) -> Value:
    x = net.input("x", 9, 2)
    step = draw(st.sampled_from([1, 2, -1]))
    first = net.add(Slice, x, starts=[8 if step < 0 else 1, 0], sizes=[4, 2], steps=[step, 1])
    return net.add(Slice, first, starts=[draw(st.integers(0, 2)), 1], sizes=[2, 1], steps=[1, 1])


@case("slice-concat")
def _slice_concat(draw: DrawFn, net: Net) -> Value:
    parts = [net.input(f"x{n}", 2, n) for n in (1, 2, 3)]
    at = draw(st.integers(0, 2))
    whole = net.add(Concat, *parts, axis=1)
    return net.add(Slice, whole, starts=[0, (0, 1, 3)[at]], sizes=[2, at + 1])


@case("concat-one")
def _concat_one(draw: DrawFn, net: Net) -> Value:
    return net.add(Concat, _x(draw, net), axis=0)


@case("concat-empty")
def _concat_empty(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net, 2, 2)
    return net.add(Concat, net.const(np.zeros((0, x.type.shape[1]), np.float32)), x, x, axis=0)


@case("concat-concat")
def _concat_concat(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net, 2, 2)
    axis = draw(st.integers(0, 1))
    return net.add(Concat, net.add(Concat, x, x, axis=axis), x, axis=axis)


@case("concat-slices")
def _concat_slices(draw: DrawFn, net: Net) -> Value:
    x = net.input("x", 2, 6)
    cut = draw(st.integers(1, 4))
    left = net.add(Slice, x, starts=[0, 0], sizes=[2, cut])
    right = net.add(Slice, x, starts=[0, cut], sizes=[2, 1])
    return net.add(Concat, left, right, axis=1)


@case("expand-same")
def _expand_same(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    if draw(st.booleans()):
        return net.add(Tile, x, repeats=[1] * x.type.rank)
    return net.add(Expand, x, shape=x.type.shape)


@case("expand-expand")
def _expand_expand(draw: DrawFn, net: Net) -> Value:
    x = net.input("x", 1, 1)
    return net.add(Expand, net.add(Expand, x, shape=[2, 1]), shape=[2, draw(st.integers(2, 3))])


@case("pad-nothing")
def _pad_nothing(draw: DrawFn, net: Net) -> Value:
    x = _x(draw, net)
    return net.add(Pad, x, pads=[0] * (2 * x.type.rank))


@case("pad-into-conv")
def _pad_into_conv(draw: DrawFn, net: Net) -> Value:
    x = net.input("x", 1, 2, 4, 4)
    pads = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4).filter(any))
    value = net.const(np.float32(0)) if draw(st.booleans()) else None
    padded = net.add(Pad, x, value, pads=[0, 0, *pads[:2], 0, 0, *pads[2:]])
    return net.conv(padded, 2, 3, strides=[draw(st.integers(1, 2))] * 2)


@case("transpose-into-matmul")
def _transpose_into_matmul(draw: DrawFn, net: Net) -> Value:
    a = net.add(Transpose, net.input("a", 2, 3, 4), perm=[0, 2, 1])
    b = net.input("b", 3, 5)
    if draw(st.booleans()):
        return net.add(Matmul, a, net.add(Transpose, net.input("bt", 5, 3), perm=[1, 0]))
    return net.add(Matmul, a, b)


@case("reduce-nothing")
def _reduce_nothing(draw: DrawFn, net: Net) -> Value:
    kind, dtype = draw(st.sampled_from([("mean", I32), ("sum", I32), ("max", F32), ("prod", F32)]))
    x = net.input("x", 2, 1, 3, dtype=dtype)
    return net.add(Reduce, x, kind=kind, axes=[1], keepdims=draw(st.booleans()))


@case("pool-nothing")
def _pool_nothing(draw: DrawFn, net: Net) -> Value:
    return net.add(MaxPool, net.input("x", 1, 2, 3, 3), kernel=[1, 1])


@case("resize-same")
def _resize_same(draw: DrawFn, net: Net) -> Value:
    return net.add(Resize, net.input("x", 1, 2, 3, 3), sizes=[1, 2, 3, 3], scales=[1.0] * 4)


# ---------------------------------------------------------------- batch norm and channels


def _contraction(draw: DrawFn, net: Net) -> Value:
    match draw(st.sampled_from(["conv", "grouped", "transposed", "grouped transposed"])):
        case "conv":
            return net.conv(net.input("x", 2, 3, 4, 4), 4)
        case "grouped":
            return net.conv(net.input("x", 2, 4, 4, 4), 6, groups=2)
        case "transposed":
            return net.add(ConvTranspose, net.input("x", 2, 3, 4, 4), net.weights(3, 4, 2, 2))
    return net.add(ConvTranspose, net.input("x", 2, 4, 4, 4), net.weights(4, 3, 2, 2), groups=2)


@case("batch-norm-into-contraction")
def _batch_norm_into_contraction(draw: DrawFn, net: Net) -> Value:
    y = _contraction(draw, net)
    return net.batch_norm(net.bias(y) if draw(st.booleans()) else y)


@case("batch-norm-affine")
def _batch_norm_affine(draw: DrawFn, net: Net) -> Value:
    return net.batch_norm(net.input("x", 2, 3, *draw(st.sampled_from([(), (2,), (2, 2)]))))


@case("scale-into-contraction")
def _scale_into_contraction(draw: DrawFn, net: Net) -> Value:
    kind = draw(st.sampled_from([Mul, Div]))
    if draw(st.booleans()):
        b = net.weights(5, 3) if (flip := draw(st.booleans())) else net.weights(3, 5)
        y = net.add(Matmul, net.input("x", 2, 3), b, transpose_b=flip)
        return net.add(kind, y, net.weights(5, around=3.0))
    y = _contraction(draw, net)
    channels = y.type.shape[1]
    assert isinstance(channels, int)
    y = net.bias(y) if draw(st.booleans()) else y
    return net.add(kind, y, net.weights(*draw(st.sampled_from([(), (channels, 1, 1)])), around=3.0))


@case("bias-bias")
def _bias_bias(draw: DrawFn, net: Net) -> Value:
    return net.bias(net.bias(_contraction(draw, net)))


# ---------------------------------------------------------------- recurrence


@case("zero-state")
def _zero_state(draw: DrawFn, net: Net) -> Value:
    hidden, kind = draw(st.integers(1, 2)), draw(st.sampled_from([Gru, Rnn]))
    x, weights = net.input("x", 2, 1, kind.gates * hidden), net.input("w", 1, kind.gates * hidden, hidden)
    zeros = net.add(Expand, net.const(np.zeros((1, 1, 1), np.float32)), shape=[1, 1, hidden])
    return net.function.block.append(kind(x, weights, zeros)).results[draw(st.integers(0, 1))]
