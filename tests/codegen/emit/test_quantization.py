"""Emitted kernels quantize and dequantize exactly as the interpreter does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F8E4M3, F8E5M2, F16, F32, I8, I16, I32, U8, DType
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.binary import Add, Max
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Dequantize, Quantize

from ..one_kernel import Array, compare, family_of, kernel_module

N = symbol("N")
EDGES = [
    0.5,
    1.5,
    2.5,
    -0.5,
    127.5,
    -128.5,
    1e9,
    -1e9,
    np.inf,
    -np.inf,
    np.nan,
    3e38,
    -1e-40,
    448,
    464.1,
    6e4,
]


def tensor(*shape: Any, dtype: DType = F32) -> TensorType:
    return TensorType(shape, dtype)


def one(value: float, dtype: DType = F32) -> Constant:
    return Constant(value=np.array(value, dtype.numpy))


def reals(shape: tuple[int, ...], dtype: DType) -> Array:
    """Numbers of all sizes, with all edges among them."""
    random = np.random.default_rng(3)
    found = random.standard_normal(shape) * 10.0 ** random.integers(-3, 4, shape)
    found.reshape(-1)[: len(EDGES)] = EDGES
    with np.errstate(over="ignore"):
        return found.astype(np.float32).astype(dtype.numpy)


def inputs_for(types: list[TensorType]) -> dict[str, Array]:
    """Floats with edges for the first tensor if it is one, positive scales for the others; all bytes."""
    made = {}
    for number, type in enumerate(types):
        shape = tuple(3 if size is N else int(str(size)) for size in type.shape)
        count = int(np.prod(shape))
        if not type.dtype.is_float:
            array = (np.arange(count) * 7).astype(np.uint8).view(np.int8).astype(type.dtype.numpy)
        elif number or type.dtype.bits == 8:
            array = np.linspace(0.01, 2, count, dtype=np.float32).astype(type.dtype.numpy)
        else:
            array = reals(shape, type.dtype).reshape(-1)
        made[f"x{number}"] = array.reshape(shape)
    return made


NHWC = TensorType((N, 16, 5, 4), F32, channels_last(4))
NHWC_I8 = NHWC.with_dtype(I8)

KERNELS = {
    **{
        f"quantize {source} to {to}": (
            lambda do, x, to=to: do(Quantize(x, do(one(0.3)), to=to)),
            [tensor(N, 50, dtype=source)],
            None,
        )
        for source, to in ((F32, I8), (F16, U8), (F32, F8E4M3), (F32, F8E5M2), (F32, I16))
    },
    "with a zero point": (
        lambda do, x: do(Quantize(x, do(one(0.3)), do(one(131, U8)), to=U8)),
        [tensor(N, 50)],
        None,
    ),
    "channels last": (
        lambda do, x, s, z: do(Quantize(x, s, z, axis=1, to=I8)),
        [NHWC, tensor(16), tensor(16, dtype=I8)],
        [NHWC_I8],
    ),
    "in blocks": (
        lambda do, x, s: do(Quantize(x, s, axis=1, block=3, to=I8)),
        [tensor(N, 17), tensor(N, 6)],
        None,
    ),
    **{
        f"dequantize {source}": (
            lambda do, q: do(Dequantize(q, do(one(0.3)), to=F32)),
            [tensor(N, 300, dtype=source)],
            None,
        )
        for source in (U8, I32, F8E4M3, F8E5M2)
    },
    "dequantize per channel": (
        lambda do, q, s, z: do(Dequantize(q, s, z, axis=1, to=F16)),
        [NHWC_I8, tensor(16), tensor(16, dtype=I8)],
        [NHWC.with_dtype(F16)],
    ),
    "sum of two scales": (
        lambda do, p, q: do(
            Quantize(
                do(
                    Add(
                        do(Dequantize(p, do(one(0.25)), to=F32)),
                        do(Dequantize(q, do(one(0.5)), do(one(3, I8)), to=F32)),
                    )
                ),
                do(one(0.75)),
                do(one(-9, I8)),
                to=I8,
            )
        ),
        [tensor(N, 300, dtype=I8), tensor(N, 300, dtype=I8)],
        None,
    ),
    "rescaled maximum of bytes": (
        lambda do, q: do(
            Quantize(
                do(
                    Dequantize(
                        do(MaxPool(do(Max(q, do(one(4, I8)))), kernel=[3, 3], strides=[2, 2], pads=[1] * 4)),
                        do(one(0.3)),
                        to=F32,
                    )
                ),
                do(one(0.7)),
                to=U8,
            )
        ),
        [NHWC_I8],
        [TensorType((N, 16, 3, 2), U8, channels_last(4))],
    ),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_are_exact(name: str) -> None:
    body, inputs, outputs = KERNELS[name]
    module = kernel_module(body, inputs, outputs, {"N": SymbolRange(1, 3, 16)})
    for got, want in compare(module, inputs_for(inputs), family_of("loop")):
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        # 8-bit floats too; but one NaN is as good as another.
        wide = [array.astype(np.float64) for array in (got, want)]
        np.testing.assert_array_equal(*wide)
        np.testing.assert_array_equal(*(np.signbit(array[array == 0]) for array in wide))


@pytest.mark.parametrize("dtype", [F8E4M3, F8E5M2, I8])
def test_a_maximum_sees_no_padding(dtype: DType) -> None:
    """f8e4m3 has no infinity to stand for what lies outside: its bits would be a NaN, which wins."""
    module = kernel_module(
        lambda do, x: do(MaxPool(x, kernel=[3, 3], strides=[2, 2], pads=[1] * 4)),
        [tensor(1, 4, 6, 6, dtype=dtype)],
    )
    values = -np.abs(np.random.default_rng(1).standard_normal((1, 4, 6, 6)) * 20)
    values[0, 0] = -448 if dtype == F8E4M3 else -100
    ((got, want),) = compare(module, {"x0": values.astype(np.float32).astype(dtype.numpy)})
    assert np.isfinite(want.astype(np.float32)).all()
    np.testing.assert_array_equal(got.view(np.uint8), want.view(np.uint8))
