"""Weights of few bits in blocks, against ONNX Runtime, and a kernel on the host."""

from __future__ import annotations

from typing import Any

import glassrt
import ml_dtypes
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import GlassError, UnsupportedError

from ....models import run_onnxruntime
from ..nodes import Array, Case, case, check, expanded, label, real, whole
from ..own import MICROSOFT, microsoft

U8, I32 = np.uint8, np.int32
K, N, BLOCK, BLOCKS = 40, 6, 16, 3


def byte(*shape: int) -> Array:
    return whole(*shape, dtype=U8, low=0, high=256)


def product(bits: int, *rest: Array | None, dtype: Any = np.float32, **options: Any) -> Case:
    """MatMulNBits with the inputs REST behind the scales."""
    weights, scales = byte(N, BLOCKS, BLOCK * bits // 8), real(N, BLOCKS, dtype=dtype, low=0.1)
    names = {"K": K, "N": N, "bits": bits, "block_size": BLOCK}
    arrays = real(2, 3, K, dtype=dtype), weights, scales.reshape(-1), *rest
    return microsoft(
        "MatMulNBits", *arrays, constant=range(1, len(arrays)), tolerance=2e-4, **names | options
    )


ORDER = (np.arange(K) // BLOCK).astype(I32)
PRODUCTS = [
    product(4),
    product(2),
    product(8),
    product(4, byte(N, 2)),
    product(2, byte(N, 1)),
    product(8, byte(N, BLOCKS)),
    product(4, real(N, BLOCKS, low=0, high=9)),
    product(2, real(N, BLOCKS, low=0, high=3)),
    product(4, None, ORDER),
    product(4, byte(N, 2), None, real(N), accuracy_level=1),
]


def rows(bits: int, zero: bool, *, width: int = 32, **options: Any) -> Case:
    """GatherBlockQuantized of rows of WIDTH numbers."""
    packed, blocks = width * bits // 8, -(-width // BLOCK)
    data, scales = byte(5, packed), real(5, blocks, low=0.1)
    points = (byte(5, -(-blocks * bits // 8)),) if zero else ()
    arrays = data, np.array([[1, 4], [0, 2]]), scales, *points
    names = {"bits": bits, "block_size": BLOCK, "quantize_axis": 1}
    return microsoft("GatherBlockQuantized", *arrays, constant=range(len(arrays)), **names | options)


ROWS = [rows(bits, zero) for bits in (2, 4, 8) for zero in (False, True)] + [rows(4, True, width=48)]


def numbers(dtype: Any, gathered: int, quantized: int, zero: bool, size: int = 40) -> Case:
    """GatherBlockQuantized of a table of DTYPE, with SIZE numbers along the axis QUANTIZED."""
    low = int(ml_dtypes.iinfo(dtype).min)
    shape = [size if axis == quantized else 3 + axis for axis in range(3)]
    blocks = [-(-size // BLOCK) if axis == quantized else 3 + axis for axis in range(3)]
    data, points = (whole(*each, low=low, high=low + 16).astype(dtype) for each in (shape, blocks))
    arrays = data, np.array([[1, -1], [0, 2]]), real(*blocks, low=0.1), *((points,) if zero else ())
    axes = {"block_size": BLOCK, "gather_axis": gathered, "quantize_axis": quantized}
    constant = range(len(arrays))
    return case("GatherBlockQuantized", 21, *arrays, constant=constant, domain=MICROSOFT, **axes)


NUMBERS = [
    numbers(dtype, *axes, zero)
    for dtype, zero in ((ml_dtypes.int4, False), (ml_dtypes.int4, True), (ml_dtypes.uint4, False))
    for axes in ((0, 2), (2, 0), (1, 2), (1, 0))
]


@pytest.mark.parametrize(("given", "opset"), expanded(PRODUCTS + ROWS + NUMBERS), ids=label)
def test_blocks(given: Case, opset: int) -> None:
    check(given, opset)


def test_half_precision() -> None:
    """ONNX Runtime rounds what it sums."""
    given = product(4, dtype=np.float16)
    made = given.model(18)
    have = glassrt.load(glassrt.compile(made, target="host"), "host").run(given.inputs)["y0"]
    want = run_onnxruntime(made, given.inputs)["y0"]
    np.testing.assert_allclose(have, want, rtol=2e-2, atol=1e-1)


def test_a_kernel_on_the_host() -> None:
    given = product(4, byte(N, 2))
    made = given.model(18)
    plan = glassrt.compile(made, target="host")
    have = glassrt.load(plan, "host").run(given.inputs)["y0"]
    np.testing.assert_allclose(have, run_onnxruntime(made, given.inputs)["y0"], rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (product(4, None, ORDER[::-1].copy()), UnsupportedError, "g_idx"),
        (product(4, weight_prepacked=1), UnsupportedError, "weight_prepacked"),
        (product(4, block_size=8), GlassError, "block_size is 8"),
        (product(4, N=5), GlassError, "its weights are tensor<6x3x8xu8>"),
        (product(4, K=39), GlassError, "as many features as its weights"),
        (rows(4, False, quantize_axis=0), GlassError, "quantize_axis is the axis"),
        (rows(4, False, gather_axis=1), GlassError, "quantize_axis is the axis of the gather"),
        (rows(4, False, gather_axis=1, quantize_axis=0), GlassError, "bytes is gathered along axis 0"),
        (
            numbers(np.int8, 0, 1, False),
            UnsupportedError,
            "a table of i8 is not supported, only of u8, i4 and u4",
        ),
    ],
)
def test_what_is_refused(given: Case, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        import_model(given.model(18).SerializeToString())
