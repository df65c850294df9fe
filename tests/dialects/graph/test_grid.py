"""Grids and samples at them: definitions against numpy, numpy against ONNX Runtime, far positions and NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F16, F32, F64, I32, U8, DType, from_numpy
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.grid import AffineGrid, GridSample
from glassrt.errors import IRError
from glassrt.testing.op_checks import assert_close, build, check_op, evaluated
from glassrt.testing.strategies import dtypes, shapes, tensors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...codegen.one_kernel import compare, kernel_module
from ...property.onnx_runs import run_onnx

Array = np.ndarray[Any, Any]
MODES, PADDINGS = ("nearest", "linear", "cubic"), ("zeros", "border", "reflection")


@given(st.data())
def test_affine_grid(data: DataObject) -> None:
    sizes = data.draw(shapes(least=2, most=3, side=3))
    dtype = data.draw(dtypes(F32, F64, F16))
    theta = data.draw(tensors(dtype, (2, len(sizes), len(sizes) + 1), special=False))
    check_op(AffineGrid, [theta], sizes=sizes, align_corners=data.draw(st.booleans()))


def test_affine_grid_of_a_single_row() -> None:
    theta = np.array([[[1, 0, 0.5], [0, 1, 0]]], np.float32)
    built = build(AffineGrid, [theta], sizes=[1, 3], align_corners=True)
    assert evaluated(built, [theta]).tolist() == [[[[-0.5, 0], [0.5, 0], [1.5, 0]]]]


def attributes(data: DataObject) -> dict[str, Any]:
    return {
        "mode": data.draw(st.sampled_from(MODES)),
        "padding": data.draw(st.sampled_from(PADDINGS)),
        "align_corners": data.draw(st.booleans()),
    }


@given(st.data())
@settings(max_examples=15)
def test_grid_sample(data: DataObject) -> None:
    dtype, stated = data.draw(dtypes(F32, F64, F16)), attributes(data)
    most = 1 if stated["mode"] == "cubic" else 2  # the expressions of more are large
    spatial = data.draw(shapes(least=1, most=most, side=3))
    x = data.draw(tensors(dtype, (1, 2, *spatial), special=False))
    kind = F64 if dtype == F64 else data.draw(dtypes(F32, F64))  # weights are of the grid's type
    outputs = data.draw(st.lists(st.integers(1, 2), min_size=len(spatial), max_size=len(spatial)))
    grid = data.draw(tensors(kind, (1, *outputs, len(spatial)), special=False, limit=3))
    check_op(GridSample, [x, grid], **stated)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("rank", [2, 3])
def test_agrees_with_onnxruntime(mode: str, padding: str, corners: bool, rank: int) -> None:
    draw = np.random.default_rng(rank)
    x = draw.normal(size=(2, 3, 4, 5, 3)[: rank + 2]).astype(np.float32)
    grid = draw.uniform(-1.6, 1.6, (*(2, 3, 4, 2)[: rank + 1], rank)).astype(np.float32)
    built = build(GridSample, [x, grid], mode=mode, padding=padding, align_corners=corners)
    stated = {"mode": mode, "padding_mode": padding, "align_corners": int(corners)}
    if (mode, rank) != ("cubic", 3):  # ONNX Runtime does not have it
        assert_close(evaluated(built, [x, grid]), run_onnx("GridSample", [x, grid], **stated), F32)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", PADDINGS)
def test_far_positions(mode: str, padding: str) -> None:
    x = np.arange(1, 7, dtype=np.float32).reshape(1, 1, 6)
    grid = np.array([1e30, -1e30, np.inf, -1e9], np.float32).reshape(1, 4, 1)
    if padding == "reflection":
        grid = np.array([7.1, -9.3, 40, -40], np.float32).reshape(1, 4, 1)
    check_op(GridSample, [x, grid], mode=mode, padding=padding)
    found = evaluated(build(GridSample, [x, grid], mode=mode, padding=padding), [x, grid]).reshape(-1)
    if padding == "zeros":
        assert found.tolist() == [0, 0, 0, 0]
    if padding == "border":
        np.testing.assert_allclose(found, [6, 1, 6, 1], rtol=1e-6)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_nan_gives_nan(mode: str) -> None:
    x, grid = np.ones((1, 1, 3), np.float32), np.full((1, 1, 1), np.nan, np.float32)
    check_op(GridSample, [x, grid], mode=mode)
    assert np.isnan(evaluated(build(GridSample, [x, grid], mode=mode), [x, grid])).all()


@pytest.mark.parametrize("dtype", [I32, U8])
def test_the_nearest_element_may_be_an_integer(dtype: DType) -> None:
    x = np.arange(6).reshape(1, 1, 2, 3).astype(dtype.numpy)
    grid = np.array([[[[-1, -1], [0.9, 0.9], [5, 0]]]], np.float32)
    check_op(GridSample, [x, grid], mode="nearest")
    with pytest.raises(IRError, match=f"not {dtype}"):
        build(GridSample, [x, grid])


def test_cubic_in_three_dimensions_is_cubic_along_each() -> None:
    """By a product of weights, so an image that varies along one axis is sampled as a line is."""
    line = np.random.default_rng(5).normal(size=4).astype(np.float32)
    at = np.array([-0.7, 0.1, 0.45], np.float32)
    wanted = sampled(line.reshape(1, 1, 4), at.reshape(1, 3, 1))
    grid = np.stack([np.zeros(3), at, np.full(3, 0.1)], axis=-1).astype(np.float32).reshape(1, 3, 1, 1, 3)
    image = np.broadcast_to(line.reshape(1, 1, 1, 4, 1), (1, 1, 5, 4, 5)).copy()
    np.testing.assert_allclose(sampled(image, grid).reshape(-1), wanted.reshape(-1), rtol=1e-5)


def sampled(x: Array, grid: Array) -> Array:
    built = build(GridSample, [x, grid], mode="cubic", padding="border")
    return evaluated(built, [x, grid])


@pytest.mark.parametrize(("rank", "mode"), [(2, "linear"), (3, "linear"), (3, "cubic")])
def test_its_kernel(rank: int, mode: str) -> None:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(1, 2, 4, 5, 3)[: rank + 2]).astype(np.float32)
    grid = draw.uniform(-1.6, 1.6, (*(1, 3, 4, 2)[: rank + 1], rank)).astype(np.float32)
    types = [TensorType(array.shape, from_numpy(array.dtype)) for array in (x, grid)]
    module = kernel_module(
        lambda do, x, grid: do(GridSample(x, grid, mode=mode, padding="reflection")), types
    )
    [(got, want)] = compare(module, {"x0": x, "x1": grid})
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("op", "shapes", "given", "message"),
    [
        (AffineGrid, [(1, 2, 3)], {"sizes": [2]}, "2 or 3 are expected"),
        (AffineGrid, [(1, 3, 3)], {"sizes": [2, 2]}, "does not fit 2 dimensions"),
        (GridSample, [(1, 2, 3, 3), (1, 2, 2, 3)], {}, "the grid .* does not fit"),
        (GridSample, [(1, 2, 3, 3), (2, 2, 2, 2)], {}, "differ in batch size"),
    ],
)
def test_bad_shapes(op: Any, shapes: list[tuple[int, ...]], given: dict[str, Any], message: str) -> None:
    block = Block()
    with pytest.raises(IRError, match=message):
        op(*[block.add_argument(TensorType(shape, F32)) for shape in shapes], **given)
