"""Windows over little but padding: loops over the image, and not over the padding."""

from __future__ import annotations

import time
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto, TensorProto, helper, numpy_helper

X = np.random.default_rng(0).standard_normal((2, 3, 6, 5)).astype(np.float32)


def pool(kind: str, x: np.ndarray[Any, Any], **attributes: Any) -> ModelProto:
    node = helper.make_node(kind, ["x"], ["y"], **attributes)
    shape: list[int | str] = list(x.shape)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def both(model: ModelProto, x: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """What the host's kernels and the interpreter give."""
    with glassrt.load(build(model, Settings(cache=None)).plan, "host") as engine:
        return [engine.run({"x": x})["y"], interpret(import_model(model), {"x": x})["y"]]


SHAPES: dict[str, dict[str, Any]] = {
    "one output": {"kernel_shape": [70, 70], "pads": [40, 40, 34, 35]},
    "several outputs": {"kernel_shape": [41, 40], "pads": [30, 30, 25, 31], "strides": [3, 2]},
    "dilated": {"kernel_shape": [35, 40], "pads": [60, 50, 60, 66], "dilations": [3, 2], "strides": [5, 7]},
    "one axis": {"kernel_shape": [2, 50], "pads": [1, 40, 1, 40]},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool", "LpPool"])
def test_a_window_wider_than_the_image(kind: str, shape: str) -> None:
    attributes = dict(SHAPES[shape])
    if kind == "LpPool":
        attributes |= {"p": 2}
    model = pool(kind, X, **attributes)
    expected = sliding(kind, X, **SHAPES[shape])
    for y in both(model, X):
        np.testing.assert_allclose(y, expected, rtol=2e-5, atol=1e-6)


def sliding(
    kind: str,
    x: np.ndarray[Any, Any],
    kernel_shape: list[int],
    pads: list[int],
    strides: tuple[int, ...] | list[int] = (1, 1),
    dilations: tuple[int, ...] | list[int] = (1, 1),
) -> np.ndarray[Any, Any]:
    """The pool, window by window, in f64."""
    padded = np.pad(
        x.astype(float), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=np.nan
    )
    spans = [d * (k - 1) + 1 for k, d in zip(kernel_shape, dilations, strict=True)]
    sizes = [(n - span) // s + 1 for n, span, s in zip(padded.shape[2:], spans, strides, strict=True)]
    y = np.zeros((*x.shape[:2], *sizes))
    for i, j in np.ndindex(*sizes):
        top, left = i * strides[0], j * strides[1]
        window = padded[:, :, top : top + spans[0] : dilations[0], left : left + spans[1] : dilations[1]]
        inside = ~np.isnan(window)
        if kind == "MaxPool":
            y[:, :, i, j] = np.where(inside, window, -np.inf).max((2, 3))
        elif kind == "AveragePool":
            y[:, :, i, j] = np.where(inside, window, 0).sum((2, 3)) / np.maximum(inside.sum((2, 3)), 1)
        else:
            y[:, :, i, j] = np.sqrt(np.square(np.where(inside, window, 0)).sum((2, 3)))
    return y


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool", "LpPool"])
def test_a_window_of_ten_thousand_million_taps_takes_no_time(kind: str) -> None:
    x = X[:1, :1]
    attributes: dict[str, Any] = {
        "kernel_shape": [100_003, 100_003],
        "pads": [60_000, 60_000, 39_999, 40_000],
    }
    if kind == "AveragePool":
        attributes["count_include_pad"] = 1
    begin = time.process_time()
    results = both(pool(kind, x, **attributes), x)
    assert time.process_time() - begin < 5
    wanted = {
        "MaxPool": x.max(),
        "AveragePool": x.sum() / 100_003.0**2,
        "LpPool": np.sqrt(np.square(x).sum()),
    }
    for y in results:
        np.testing.assert_allclose(y, np.full(y.shape, wanted[kind]), rtol=1e-4)


def test_a_normalisation_over_more_channels_than_there_are() -> None:
    model = pool("LRN", X, size=1_000_000_001, alpha=3.0)
    total = np.square(X.astype(float)).sum(1, keepdims=True)
    expected = X / (1 + 3.0 / 1_000_000_001 * total) ** 0.75
    for y in both(model, X):
        np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_indices_of_a_wide_window() -> None:
    model = pool("MaxPool", X, kernel_shape=[41, 41], pads=[30, 30, 25, 25], strides=[4, 4])
    model.graph.node[0].output.append("at")
    model.graph.output.append(helper.make_empty_tensor_value_info("at"))
    with glassrt.load(build(model, Settings(cache=None)).plan, "host") as engine:
        found = engine.run({"x": X})
    for results in (found, interpret(import_model(model), {"x": X})):
        np.testing.assert_array_equal(X.reshape(-1)[results["at"]], results["y"])


def test_a_convolution_keeps_the_taps_that_meet_padding_alone() -> None:
    """Each has a weight of its own."""
    x, w = X[:, :, :1, :2], np.random.default_rng(1).standard_normal((4, 3, 5, 5)).astype(np.float32)
    model = pool("Conv", x, pads=[2, 2, 2, 2])
    model.graph.node[0].input.append("w")
    model.graph.initializer.append(numpy_helper.from_array(w, "w"))
    expected = sum(np.einsum("oc,nc->no", w[:, :, 2, 2 + at], x[:, :, 0, at])[:, :, None] for at in range(2))
    for y in both(model, x):
        np.testing.assert_allclose(y[:, :, 0, :1], expected, rtol=1e-4, atol=1e-5)
