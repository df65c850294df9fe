"""Contractions of 8-bit tensors with all that follows them, over random shapes, against the interpreter.

Integers are equal to the last bit; 8-bit floats stay within what tensor cores keep of their sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import EIGHT_BIT_FLOATS, F8E4M3, F8E5M2, F32, I8, I32, U8, DType
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...one_kernel import Append, Array, Body, compare, kernel_module

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
BYTES = st.sampled_from([(I8, I8), (U8, I8), (I8, U8), (U8, U8)])
FLOATS = st.tuples(*[st.sampled_from(EIGHT_BIT_FLOATS)] * 2)
# A sum on tensor cores may lose this much of the magnitude of the products that one instruction adds up.
SUM_LOSS = 2 * np.sqrt(32) * 2.0**-13


@dataclass(frozen=True)
class Chain:
    """A contraction, its scale and bias, a stored residual and a relu if wanted; its operands' types.

    With `to`, the result is quantized; else it stays f32.
    """

    operands: tuple[TensorType, ...]
    window: dict[str, object] | None
    channels: int
    result: TensorType
    residual: bool
    relu: bool
    to: DType | None

    @property
    def types(self) -> list[TensorType]:
        scales = TensorType((self.channels, 1, 1) if self.window is not None else (self.channels,), F32)
        stored = [self.result.with_dtype(self.operands[0].dtype)] if self.residual else []
        return [*self.operands, scales, scales, *stored]

    def body(self) -> Body:
        def made(do: Append, x, w, scale, bias, *rest):  # type: ignore[no-untyped-def]
            sums = I32 if x.type.dtype.is_integer else F32
            if self.window is not None:
                y = do(Conv(x, w, accumulate=sums, **self.window))
            else:
                y = do(Matmul(x, w, transpose_b=True, accumulate=sums))
            y = do(Add(do(Mul(do(Cast(y, to=F32)) if sums == I32 else y, scale)), bias))
            for stored in rest:
                step = do(Constant(value=np.array(0.37, np.float32)))
                y = do(Add(y, do(Dequantize(stored, step, to=F32))))
            y = do(Relu(y)) if self.relu else y
            if self.to is None:
                return y
            return do(Quantize(y, do(Constant(value=np.array(0.81, np.float32))), to=self.to))

        return made

    def inputs(self, seed: int) -> dict[str, Array]:
        """Operands, and scales and biases that bring sums into the bytes' range."""
        random = np.random.default_rng(seed)
        x, w = (_stored(random, type) for type in self.operands)
        depth = w.size // self.channels
        spread = float(np.std(x.astype(np.float64)) * np.std(w.astype(np.float64))) * np.sqrt(depth)
        scale = random.uniform(0.5, 2, self.channels) * 40 / max(spread, 1.0)
        middle = depth * float(x.astype(np.float64).mean() * w.astype(np.float64).mean())
        bias = random.standard_normal(self.channels) * 10 - scale * middle
        given = [x, w, *(array.astype(np.float32).reshape(self.types[2].shape) for array in (scale, bias))]
        given += [_stored(random, type) for type in self.types[4:]]
        return {f"x{number}": array for number, array in enumerate(given)}


def _stored(random: np.random.Generator, type: TensorType) -> Array:
    """All bytes, or ordinary 8-bit floats."""
    shape = tuple(int(str(size)) for size in type.shape)
    if not type.dtype.is_integer:
        return random.standard_normal(shape).astype(type.dtype.numpy)
    limits = np.iinfo(type.dtype.numpy)
    return random.integers(limits.min, limits.max + 1, shape).astype(type.dtype.numpy)


@st.composite
def chains(draw: st.DrawFn, kinds: st.SearchStrategy[tuple[DType, DType]], to: DType | None) -> Chain:
    a, b = draw(kinds)
    result = F32 if to is None else to
    residual, relu = draw(st.booleans()), draw(st.booleans())
    channels = draw(st.sampled_from([8, 16, 24, 40, 64, 72, 130]))
    if draw(st.booleans()):
        rows, depth = draw(st.integers(1, 150)), draw(st.integers(1, 20)) * 16
        operands = TensorType((rows, depth), a), TensorType((channels, depth), b)
        return Chain(operands, None, channels, TensorType((rows, channels), result), residual, relu, to)
    images, inputs, size = (
        draw(st.integers(1, 3)),
        draw(st.sampled_from([4, 16, 32, 48])),
        draw(st.integers(3, 17)),
    )
    taps, stride = draw(st.sampled_from([1, 3])), draw(st.integers(1, 2))
    pad = taps // 2
    x = TensorType((images, inputs, size, size), a, channels_last(4))
    w = TensorType((channels, inputs, taps, taps), b, channels_last(4))
    out = (size + 2 * pad - taps) // stride + 1
    y = TensorType((images, channels, out, out), result, channels_last(4))
    return Chain((x, w), {"strides": [stride] * 2, "pads": [pad] * 4}, channels, y, residual, relu, to)


def run(chain: Chain, device: str, seed: int) -> tuple[Array, Array]:
    """(kernel on DEVICE, interpreter)."""
    module = kernel_module(chain.body(), chain.types, [chain.result])
    [(got, want)] = compare(module, chain.inputs(seed), None, device)
    assert got.shape == want.shape and got.dtype == want.dtype
    return got, want


@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(chain=st.sampled_from([I8, U8]).flatmap(lambda to: chains(BYTES, to)), seed=st.integers(0, 99))
def test_bytes_are_exact(chain: Chain, seed: int, device: str) -> None:
    got, want = run(chain, device, seed)
    np.testing.assert_array_equal(got, want)
    assert got.size < 256 or len(np.unique(got)) > 8  # the scales make use of the range


@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(chain=chains(FLOATS, None), seed=st.integers(0, 99))
def test_8_bit_floats_are_within_the_accumulators_bound(chain: Chain, seed: int, device: str) -> None:
    got, want = run(chain, device, seed)
    values = chain.inputs(seed)
    # |A| |B| is what the sums' terms add up to at most; row by row of A and column by column of B.
    a, b = (np.abs(values[name].astype(np.float64)) for name in ("x0", "x1"))
    terms = np.sqrt(float((a**2).max() * (b**2).max())) * float(np.prod(b.shape[1:]))
    bound = SUM_LOSS * terms * float(values["x2"].max()) + 2.0**-22 * np.abs(want.astype(np.float64)) + 1e-6
    assert (np.abs(got.astype(np.float64) - want.astype(np.float64)) <= bound).all()


@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    chain=st.sampled_from([F8E4M3, F8E5M2]).flatmap(lambda to: chains(FLOATS, to)), seed=st.integers(0, 99)
)
def test_8_bit_floats_are_stored_within_a_step(chain: Chain, seed: int, device: str) -> None:
    got, want = (array.view(np.uint8).astype(np.int16) for array in run(chain, device, seed))
    ordered = [
        np.where(bits >= 128, 128 - bits, bits) for bits in (got, want)
    ]  # by the numbers they stand for
    assert np.abs(ordered[0] - ordered[1]).max(initial=0) <= 1
