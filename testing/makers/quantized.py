"""Steps that store numbers in eight bits, as quantized models have them."""

from __future__ import annotations

import numpy as np

from ..draft import Draft
from .registry import node_maker


def _pair(d: Draft, x: str, scale: float) -> str:
    """X in eight bits and back."""
    kind = d.choice(np.int8, np.uint8)
    zero = d.const(np.array(d.integer(0, 3) if kind is np.int8 else d.integer(120, 131), kind))
    factor = d.const(np.float32(scale))
    with np.errstate(all="ignore"):
        d.jumps(np.abs(np.mod(d.values[x] / np.float32(scale), 1) - 0.5))
    return d.add("DequantizeLinear", d.add("QuantizeLinear", x, factor, zero), factor, zero)


@node_maker
def rounded(d: Draft) -> str:
    return _pair(d, d.pick(), d.choice(0.05, 0.02))


@node_maker
def quantized_linear(d: Draft) -> str:
    """A product of a quantized tensor and quantized weights, requantized now and then."""
    x = d.ranked(2, 3)
    left = _pair(d, x, 0.03)
    columns = d.integer(1, 5)
    numbers = d.numbers((d.shape(x)[-1], columns)) * 40
    stored = d.const(np.clip(np.round(numbers), -127, 127).astype(np.int8))
    if d.chance(40):
        scales = d.const(np.linspace(0.01, 0.02, columns, dtype=np.float32))
        zeros = d.const(np.zeros(columns, np.int8))
        right = d.add("DequantizeLinear", stored, scales, zeros, axis=1)
    else:
        right = d.add("DequantizeLinear", stored, d.const(np.float32(0.01)), d.const(np.int8(0)))
    product = d.add("MatMul", left, right)
    return _pair(d, product, 0.05) if d.chance(50) else product


@node_maker
def quantized_conv(d: Draft) -> str:
    x = d.pick(lambda array: array.ndim == 4, "image")
    channels, depth = d.shape(x)[1], d.integer(1, 4)
    size = d.choice(*(s for s in (1, 3) if s <= min(d.shape(x)[2:])))
    numbers = np.clip(np.round(d.numbers((depth, channels, size, size)) * 40), -127, 127)
    right = d.add(
        "DequantizeLinear", d.const(numbers.astype(np.int8)), d.const(np.float32(0.01)), d.const(np.int8(0))
    )
    y = d.add("Conv", _pair(d, x, 0.03), right)
    y = d.add("Relu", y) if d.chance(50) else y
    return _pair(d, y, 0.05) if d.chance(60) else y
