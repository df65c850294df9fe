"""Normalisations: definitions against numpy, numpy against ONNX Runtime, and their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import DType
from glassrt.dialects.core.traits import Trait
from glassrt.dialects.graph.normalization import BatchNorm, InstanceNorm, LayerNorm, Lrn, RmsNorm
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import FLOATS, dtypes, shapes, tensors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...property.onnx_runs import run_onnx

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(2, 5, 3, 4)).astype(np.float32)
C = [RANDOM.uniform(0.5, 2, 5).astype(np.float32) for _ in range(4)]
few = settings(max_examples=25)


def plain(data: DataObject, dtype: DType, shape: tuple[int, ...]) -> Any:
    return data.draw(tensors(dtype, shape, special=False, limit=3.0))


def positive(data: DataObject, dtype: DType, shape: tuple[int, ...]) -> Any:
    return (np.abs(plain(data, dtype, shape)) + 0.5).astype(dtype.numpy)


@few
@given(data=st.data())
def test_batch_norm_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*FLOATS))
    shape = data.draw(shapes(least=2, most=4, side=3))
    channels = (shape[1],)
    others = [plain(data, dtype, channels) for _ in range(3)]
    arrays = [plain(data, dtype, shape), *others, positive(data, dtype, channels)]
    check_op(BatchNorm, arrays, symbolic=data.draw(st.booleans()), epsilon=1e-3)


@few
@given(data=st.data())
def test_layer_and_rms_norm_definitions_are_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*FLOATS))
    shape = data.draw(shapes(least=1, side=3))
    axis = data.draw(st.integers(0, len(shape) - 1))
    scale, bias = plain(data, dtype, shape[axis:]), plain(data, dtype, shape[axis:])
    x, symbolic = plain(data, dtype, shape), data.draw(st.booleans())
    # A large epsilon keeps rows of nearly equal elements from magnifying rounding.
    check_op(LayerNorm, [x, scale, bias], symbolic=symbolic, axis=axis, epsilon=0.1)
    check_op(LayerNorm, [x, scale], symbolic=symbolic, axis=axis, epsilon=0.1)
    check_op(RmsNorm, [x, scale], symbolic=symbolic, axis=axis, epsilon=0.1)


@few
@given(data=st.data())
def test_instance_norm_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*FLOATS))
    shape = data.draw(shapes(least=3, most=4, side=2))
    arrays = [plain(data, dtype, shape), *(plain(data, dtype, (shape[1],)) for _ in range(2))]
    check_op(InstanceNorm, arrays, symbolic=data.draw(st.booleans()), epsilon=0.1)


@few
@given(data=st.data())
def test_lrn_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*FLOATS))
    x = plain(data, dtype, data.draw(shapes(least=2, most=4, side=4)))
    size = data.draw(st.integers(1, 6))
    check_op(Lrn, [x], symbolic=data.draw(st.booleans()), size=size, alpha=0.5, beta=0.6, bias=1.5)


def test_half_precision_is_computed_wide() -> None:
    x = np.full((1, 1, 4096), 300.0, np.float16)  # squares and sums beyond the range of f16
    x[..., ::2] = -300
    scale, bias = np.ones(1, np.float16), np.zeros(1, np.float16)
    actual = evaluated(build(InstanceNorm, [x, scale, bias]), [x, scale, bias])
    np.testing.assert_array_equal(actual, np.sign(x))


def test_parameters_of_another_float_type() -> None:
    x = X[:1, :, :2, :2].astype(np.float16)
    check_op(BatchNorm, [x, *C])
    assert build(BatchNorm, [x, *C]).result.type.dtype.name == "f16"


def test_traits() -> None:
    rows = (LayerNorm, RmsNorm, InstanceNorm)
    assert all(op.spec.traits == {Trait.ROW} for op in rows)
    assert Lrn.spec.traits == {Trait.WINDOW}


def test_what_does_not_fit() -> None:
    with pytest.raises(IRError, match="front"):
        build(LayerNorm, [X, C[0]], axis=-1)
    with pytest.raises(IRError, match="5 channels"):
        build(BatchNorm, [X, *C[:3], np.ones(4, np.float32)])
    with pytest.raises(IRError, match="broadcast"):
        build(LayerNorm, [X, np.ones((7, 1, 5, 3, 4), np.float32)], axis=3)
    with pytest.raises(IRError, match="empty"):
        build(Lrn, [X], size=0)
    with pytest.raises(IRError, match="float"):
        build(Lrn, [X.astype(np.int32)], size=1)


# ---------------------------------------------------------------- ONNX Runtime

LAST = [RANDOM.normal(size=4).astype(np.float32) for _ in range(2)]
CASES: list[tuple[str, Any, list[Any], dict[str, Any]]] = [
    ("BatchNormalization", BatchNorm, [X, *C], {"epsilon": 1e-3}),
    ("LayerNormalization", LayerNorm, [X, *LAST], {"axis": 3, "epsilon": 1e-5}),
    ("LayerNormalization", LayerNorm, [X, LAST[0]], {"axis": 3, "epsilon": 1e-2}),
    ("InstanceNormalization", InstanceNorm, [X, *C[:2]], {"epsilon": 1e-5}),
    ("LRN", Lrn, [X], {"size": 3, "alpha": 0.2, "beta": 0.75, "bias": 2.0}),
    ("LRN", Lrn, [X], {"size": 5, "alpha": 0.2, "beta": 0.75, "bias": 1.0}),
]


@pytest.mark.parametrize(
    ("name", "op", "arrays", "attributes"), CASES, ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)]
)
def test_as_onnxruntime(name: str, op: Any, arrays: list[Any], attributes: dict[str, Any]) -> None:
    expected = run_onnx(name, arrays, **attributes)
    actual = evaluated(build(op, arrays, **attributes), arrays)
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-6)


def test_rms_norm_as_onnxruntime() -> None:
    expected = run_onnx("RMSNormalization", [X, LAST[0]], opset=23, axis=-1, epsilon=1e-4)
    actual = evaluated(build(RmsNorm, [X, LAST[0]], axis=3, epsilon=1e-4), [X, LAST[0]])
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-6)
