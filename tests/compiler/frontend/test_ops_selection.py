"""NonZero and Compress: nodes against ONNX Runtime, whatever the data selects."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from onnx import parser

from .nodes import Array, Case, case, check, expanded, label, real, scalar

F32 = np.float32
NAN, INF = float("nan"), float("inf")


def few(*shape: int, dtype: type = F32, seed: int = 0) -> Array:
    """Small whole numbers, many of them equal, some of them 0."""
    found: Array = np.random.default_rng(seed).integers(-1, 2, shape).astype(dtype)
    return found


def flags(*values: int) -> Array:
    return np.array(values, bool)


NODES = [
    *[case("NonZero", 13, few(4, 3, dtype=dtype)) for dtype in (F32, np.int64, np.int32, np.uint8, np.bool_)],
    case("NonZero", 9, np.array([-0.0, 0.0, NAN, INF, 1e-45], F32)),
    case("NonZero", 13, few(2, 3, 2)),
    *[case("NonZero", 13, few(3, width)) for width in (512, 341, 600)],
    case("NonZero", 13, np.zeros((3, 2), F32)),
    case("NonZero", 13, np.ones((3, 2), F32)),
    case("NonZero", 13, np.zeros((0, 2), F32)),
    case("NonZero", 13, np.zeros((2, 0, 3), F32)),
    case("NonZero", 13, few(3, 2), constant=(0,)),
    *[case("Compress", 11, real(3, 2), flags(0, 1, 1), axis=axis) for axis in (0, -2)],
    case("Compress", 9, real(3, 2), flags(1), axis=1),
    case("Compress", 11, real(3, 2), flags(0, 1, 1, 0)),
    case("Compress", 11, real(3, 2), flags(0, 1, 1, 0), constant=(1,)),
    case("Compress", 11, real(3, 2), flags(0, 0), axis=1),
    case("Compress", 11, real(2, 2), flags(1, 0, 1, 1), axis=1),
]


@pytest.mark.parametrize(("given", "opset"), expanded(NODES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


def ours(given: Case, opset: int = 13) -> list[Array]:
    return list(interpret(import_model(given.model(opset).SerializeToString()), given.inputs).values())


def test_a_scalar_has_no_positions_but_a_count() -> None:
    """As the standard says; ONNX Runtime gives one position."""
    for value, count in ((0.0, 0), (2.0, 1)):
        assert ours(case("NonZero", 13, scalar(value, F32)))[0].shape == (0, count)


def test_a_long_size_that_data_decides_is_counted_in_parts() -> None:
    """What is selected again may be more elements than are added up one by one."""
    text = """
    <ir_version: 8, opset_import: ["" : 18]>
    agraph (float[N] x) => (float[a] y)
    <float low = {-0.5}, float high = {0.5}>
    {
      above = Greater(x, low)
      some = Compress(x, above)
      below = Less(some, high)
      y = Compress(some, below)
    }
    """
    module = import_model(parser.parse_model(text), shapes={"N": (0, 1000, 3000)})
    for count in (0, 1, 512, 1025, 3000):
        x = np.random.default_rng(count).standard_normal(count).astype(F32)
        [found] = interpret(module, {"x": x}).values()
        np.testing.assert_array_equal(found, x[(x > -0.5) & (x < 0.5)])
