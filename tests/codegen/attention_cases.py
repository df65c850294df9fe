"""Attention kernels for tests: shapes, masks and memory layouts, and the bound on their error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.dtypes import BOOL, F16, F32, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.quantization import Quantize

from .one_kernel import kernel_module

Array = np.ndarray[Any, Any]
UNITS = {"f16": 2.0**-11, "bf16": 2.0**-8, "f32": 2.0**-24}


@dataclass(frozen=True)
class Shape:
    """A batch of heads: queries, keys, features of keys and of values; `mask` as a shape, or none.

    `heads_inside` puts heads next to features, [B, S, H, D], as a projection leaves them; `packed`
    takes q, k and v out of one tensor. With a `step`, results are rounded to `out`, of eight bits.
    """

    batch: Dim = 2
    heads: Dim = 3
    queries: Dim = 20
    keys: Dim = 24
    depth: int = 16
    width: int = 16
    dtype: DType = F16
    mask: tuple[Dim, ...] | None = None
    mask_dtype: DType = F32
    out: DType | None = None
    heads_inside: bool = False
    packed: bool = False
    step: float = 0.0
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def attention(self) -> dict[str, Any]:
        accumulate = None if self.dtype == F32 else F32
        return {"scale": self.depth**-0.5, "accumulate": accumulate, **self.attributes}


def module_of(shape: Shape, symbols: dict[str, SymbolRange] | None = None) -> Module:
    """The attention of SHAPE as a module of one kernel."""
    inputs = _inputs(shape)

    def body(do: Any, *arguments: Value) -> Value:
        q, k, v = _heads(shape, do, arguments)
        mask = arguments[-1] if shape.mask is not None else None
        y = do(Attention(q, k, v, mask, **shape.attention))
        if shape.step:
            step = do(Constant(value=np.array(shape.step, np.float32)))
            y = do(Quantize(y, step, to=shape.out))
        if shape.heads_inside:
            y = do(Transpose(y, perm=[0, 2, 1, 3]))
        return y if shape.step else do(Cast(y, to=shape.out or shape.dtype))

    return kernel_module(body, inputs, None, symbols)


def _inputs(shape: Shape) -> list[TensorType]:
    b, h, s, t, d, e = shape.batch, shape.heads, shape.queries, shape.keys, shape.depth, shape.width
    if shape.packed:
        types = [TensorType((b, s, h * d * 3), shape.dtype)]
    elif shape.heads_inside:
        types = [TensorType((b, n, h * c), shape.dtype) for n, c in ((s, d), (t, d), (t, e))]
    else:
        types = [TensorType((b, h, n, c), shape.dtype) for n, c in ((s, d), (t, d), (t, e))]
    return types if shape.mask is None else [*types, TensorType(shape.mask, shape.mask_dtype)]


def _heads(shape: Shape, do: Any, arguments: tuple[Value, ...]) -> list[Value]:
    if not shape.heads_inside and not shape.packed:
        return list(arguments[:3])
    if shape.packed:
        b, s, _ = arguments[0].type.shape
        third = shape.heads * shape.depth
        rows = [do(Slice(arguments[0], starts=[0, 0, third * i], sizes=[b, s, third])) for i in range(3)]
    else:
        rows = list(arguments[:3])
    split = []
    for value, features in zip(rows, (shape.depth, shape.depth, shape.width), strict=True):
        b, s, _ = value.type.shape
        heads = do(Reshape(value, shape=[b, s, shape.heads, features]))
        split.append(do(Transpose(heads, perm=[0, 2, 1, 3])))
    return split


def with_masks(inputs: dict[str, Array], shape: Shape, rng: np.random.Generator) -> dict[str, Array]:
    """INPUTS with a mask that leaves most keys in, and each query at least one."""
    if shape.mask is None:
        return inputs
    name = list(inputs)[-1]
    kept = rng.random(inputs[name].shape) < 0.7
    kept[..., 0] = True
    if shape.mask_dtype == BOOL:
        return {**inputs, name: kept}
    bias = np.where(kept, rng.standard_normal(kept.shape), -np.inf)
    return {**inputs, name: bias.astype(shape.mask_dtype.numpy)}


def bound(shape: Shape, want: Array, largest: float) -> Array:
    """|error| <= (2 u (1 + score roundings) ) max|v| + u_out |y|.

    Each weight is rounded once to the operands' type (relative u), in the kernel relative to the
    largest score so far and in the interpreter relative to the largest of all; scores are off by a
    few f32 roundings of their size, which the exponential turns into relative errors of weights.
    """
    unit, wide = UNITS[shape.dtype.name], UNITS["f32"]
    scores = 8.0 * (shape.depth + 16) * wide
    return (2 * unit + scores) * largest + 2 * UNITS[(shape.out or shape.dtype).name] * np.abs(want)
