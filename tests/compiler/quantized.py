"""Quantized contractions in the graph level's words, drawn at random, and what numpy makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import Pass, PassContext, PassManager
from glassrt.dialects.core.dtypes import EIGHT_BIT_FLOATS, F8E4M3, F32, I8, U8, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.testing.net import Net
from hypothesis import strategies as st

Array = np.ndarray[Any, Any]
X_ZEROS = {I8: (0, -128, 5, 127), U8: (0, 128, 255, 3)}
W_ZEROS = {I8: (0, 3, -128), U8: (128, 0, 131)}


@dataclass(frozen=True)
class Bytes:
    """How a tensor is stored: its element type, scale (one, or one per channel), zero point, and numbers."""

    dtype: DType
    scale: Array
    zero: int
    stored: Array
    axis: int = 0

    @property
    def centred(self) -> Array:
        """The stored numbers less their zero point, in int64 or float64."""
        wide = np.int64 if self.dtype.is_integer else np.float64
        return np.asarray(self.stored.astype(wide) - wide(self.zero))

    def dequantized(self, net: Net, value: Value | None = None) -> Value:
        """The numbers that VALUE, or a constant of the stored ones, stands for."""
        held = net.const(self.stored) if value is None else value
        zero = self.zero_points(net)
        return net.add(Dequantize, held, net.const(self.scale), zero, to=F32, axis=self.axis)

    def quantized(self, net: Net, value: Value) -> Value:
        return net.add(Quantize, value, net.const(self.scale), self.zero_points(net), to=self.dtype)

    def zero_points(self, net: Net) -> Value | None:
        if not self.dtype.is_integer:
            return None
        return net.const(np.full(self.scale.shape, self.zero, self.dtype.numpy))


@dataclass(frozen=True)
class Problem:
    """A contraction y = x * w (+ b) of quantized tensors, x a model input that holds stored numbers.

    bias: i32 numbers per channel, at `bias_scale` times the product's scale; out: how the result is stored,
    None when it stays in floats.
    """

    kind: type[Conv] | type[Matmul]
    x: Bytes
    w: Bytes
    attributes: dict[str, Any]
    bias: Array | None = None
    bias_scale: float = 1.0
    relu: bool = False
    out: Bytes | None = None

    def module(self) -> Module:
        """The contraction as importers write it."""
        net = Net()
        stored = net.input("x", *self.x.stored.shape, dtype=self.x.dtype)
        operands = self.x.dequantized(net, stored), self.w.dequantized(net)
        y = net.add(self.kind, *operands, **self.attributes)
        if self.bias is not None:
            y = net.add(Add, y, self._bias(net))
        y = net.add(Relu, y) if self.relu else y
        return net.done(y if self.out is None else self.out.quantized(net, y))

    def _bias(self, net: Net) -> Value:
        assert self.bias is not None
        scale = (self.x.scale * self.w.scale * np.float32(self.bias_scale)).astype(np.float32)
        held = Bytes(I8, scale, 0, self.bias)
        value = net.add(Dequantize, net.const(self.bias), net.const(scale), None, to=F32, axis=0)
        spatial = self.x.stored.ndim - 2
        return net.add(Reshape, value, shape=[held.stored.size, *(1,) * spatial]) if self.is_conv else value

    @property
    def is_conv(self) -> bool:
        return self.kind is Conv

    @property
    def channel_shape(self) -> tuple[int, ...]:
        """The shape in which numbers per output channel broadcast to the result."""
        return (-1, *(1,) * (self.x.stored.ndim - 2)) if self.is_conv else (-1,)

    def real(self, y_sums: Array) -> Array:
        """The result in float64 of what numpy sums up, before it is quantized."""
        scale = self.x.scale.astype(np.float64) * self.w.scale
        y = y_sums * scale.reshape(self.channel_shape if scale.ndim else ())
        if self.bias is not None:
            y = y + (self.bias * scale * self.bias_scale).reshape(self.channel_shape)
        return np.maximum(y, 0) if self.relu else np.asarray(y)

    def without_result(self) -> Problem:
        """The contraction alone."""
        return replace(self, bias=None, relu=False, out=None)


def run(steps: list[Pass], module: Module, **switches: Any) -> PassContext:
    """Run STEPS on MODULE; the context has the ledger."""
    context = PassContext(ALL_DIALECTS, **switches)
    PassManager(steps, context).run(module)
    return context


def evaluated(module: Module, inputs: dict[str, Array]) -> Array:
    """The first output of MODULE in the interpreter."""
    with np.errstate(all="ignore"):
        return np.asarray(interpret(module, inputs)["y"])


def ops(module: Module) -> list[str]:
    """The ops of MODULE by name, without constants and the return."""
    kept = [op for op in module.main.block if op.next is not None and not has(op, Trait.CONSTANT)]
    return [op.name.removeprefix("graph.") for op in kept]


# ---------------------------------------------------------------- drawn at random


def _scales(draw: st.DrawFn, rng: np.random.Generator, count: int) -> Array:
    if draw(st.booleans()):
        return np.asarray(rng.uniform(0.002, 0.02, count).astype(np.float32))
    return np.asarray(np.float32(draw(st.sampled_from([0.0078125, 0.013]))))


def _numbers(rng: np.random.Generator, dtype: DType, shape: tuple[int, ...]) -> Array:
    if not dtype.is_integer:
        return np.asarray(rng.standard_normal(shape) * 20).astype(dtype.numpy)
    return rng.integers(*((-128, 128) if dtype == I8 else (0, 256)), shape).astype(dtype.numpy)


def _operands(
    draw: st.DrawFn, x_shape: tuple[int, ...], w_shape: tuple[int, ...], axis: int, floats: bool
) -> tuple[Bytes, Bytes]:
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    scales = _scales(draw, rng, w_shape[axis])
    one = np.asarray(np.float32(0.03))
    if floats:
        own, other = (draw(st.sampled_from(EIGHT_BIT_FLOATS)) for _ in range(2))
        x, w = _numbers(rng, own, x_shape), _numbers(rng, other, w_shape)
        return Bytes(own, one, 0, x), Bytes(other, scales, 0, w, axis)
    kinds = [draw(st.sampled_from([I8, U8])) for _ in range(2)]
    x, w = (_numbers(rng, kind, shape) for kind, shape in zip(kinds, (x_shape, w_shape), strict=True))
    if draw(st.booleans()):  # weights whose zero point always fits
        w = (w // 2).astype(w.dtype)
    zeros = draw(st.sampled_from(X_ZEROS[kinds[0]])), draw(st.sampled_from(W_ZEROS[kinds[1]]))
    return Bytes(kinds[0], one, zeros[0], x), Bytes(kinds[1], scales, zeros[1], w, axis)


def _finished(draw: st.DrawFn, problem: Problem, channels: int) -> Problem:
    """PROBLEM with a bias, a relu and a stored result, or without."""
    rng = np.random.default_rng(channels)
    bias = rng.integers(-3000, 3000, channels).astype(np.int32) if draw(st.booleans()) else None
    out = None
    if draw(st.booleans()):
        dtype = draw(st.sampled_from([I8, U8] if problem.x.dtype.is_integer else [F8E4M3]))
        zero = draw(st.sampled_from((0, 7, 100))) if dtype.is_integer else 0
        out = Bytes(dtype, np.asarray(np.float32(draw(st.sampled_from([0.05, 0.31])))), zero, np.empty(0))
    return replace(
        problem,
        bias=bias,
        bias_scale=draw(st.sampled_from([1.0, 1.0, 0.7])),
        relu=draw(st.booleans()),
        out=out,
    )


@st.composite
def convolutions(draw: st.DrawFn, floats: bool = False) -> Problem:
    """Windows of one or two dimensions, in groups or one channel a group, padded unevenly."""
    rank = draw(st.integers(1, 2))
    groups = draw(st.sampled_from([1, 1, 2, 5]))
    depth = draw(st.integers(1, 6)) if groups < 5 else 1
    channels = groups * draw(st.sampled_from([1, 2, 3, 8]))
    taps = [draw(st.integers(1, 3)) for _ in range(rank)]
    dilation, stride = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    size = [draw(st.integers((t - 1) * dilation + 1, 7)) for t in taps]
    pads = [draw(st.integers(0, 2)) for _ in range(2 * rank)]
    x, w = _operands(
        draw, (draw(st.integers(1, 2)), depth * groups, *size), (channels, depth, *taps), 0, floats
    )
    attributes = {"strides": [stride] * rank, "dilations": [dilation] * rank, "pads": pads, "groups": groups}
    return _finished(draw, Problem(Conv, x, w, attributes), channels)


@st.composite
def products(draw: st.DrawFn, floats: bool = False) -> Problem:
    """Matrix products, either operand transposed, with one matrix of weights or several."""
    m, n, k = (draw(st.integers(1, most)) for most in (9, 12, 9))
    ta, tb = draw(st.booleans()), draw(st.booleans())
    lead = draw(st.sampled_from([(), (2,), (3, 2)]))
    several = draw(st.booleans())
    a, b = (k, m) if ta else (m, k), (n, k) if tb else (k, n)
    w_shape = (*lead, *b) if several else b
    axis = len(w_shape) - (2 if tb else 1)
    x, w = _operands(draw, (*lead, *a), w_shape, axis, floats)
    return _finished(draw, Problem(Matmul, x, w, {"transpose_a": ta, "transpose_b": tb}), n)
