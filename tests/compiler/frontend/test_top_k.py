"""TopK of long axes by selection: the same elements at the same places as ranking all of them gives."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model, ops_sorting
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.errors import ModelError
from onnx import ModelProto, helper, numpy_helper, parser

from ...models import Array, run_onnxruntime

TYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


@pytest.fixture
def selects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short axes are selected from, too."""
    monkeypatch.setattr(ops_sorting, "MOST_RANKED", -1)
    monkeypatch.setattr(ops_sorting, "comparisons", lambda size, count: -1)


def top_k(shape: tuple[int | str, ...], dtype: Any, k: int, **attributes: int) -> ModelProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        [helper.make_node("TopK", ["x", "k"], ["v", "i"], **attributes)],
        "top",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_empty_tensor_value_info(name) for name in ("v", "i")],
        [numpy_helper.from_array(np.array([k]), "k")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def extremes(shape: tuple[int, ...], dtype: Any) -> Array:
    """Few different numbers of DTYPE, its first and last among them, in floats also what is no number."""
    kind, flat = np.dtype(dtype), np.empty(int(np.prod(shape)), dtype)
    flat[:] = np.random.default_rng(0).integers(0, 9, flat.size) - (0 if kind.kind == "u" else 4)
    if kind.kind == "f":
        flat[:6], flat[7::9] = (0.0, -0.0, np.inf, -np.inf, 1e-7, -0.0), np.nan
    else:
        flat[:4] = (np.iinfo(kind).max, np.iinfo(kind).min, np.iinfo(kind).max, 0)
    return flat.reshape(shape)


def in_order(x: Array, k: int, axis: int, largest: int) -> Array:
    """The places of the first K elements: NaN is the largest, and of equal ones the earlier comes first."""
    lines = np.moveaxis(x, axis, -1)
    found = []
    for line in lines.reshape(-1, x.shape[axis]).tolist():
        keys = [(number != number, 0 if number != number else number) for number in line]
        found.append(sorted(range(len(keys)), key=keys.__getitem__, reverse=bool(largest))[:k])
    return np.moveaxis(np.array(found).reshape(*lines.shape[:-1], k), -1, axis)


def ranked(module: Module) -> list[int]:
    """Of how many elements the module compares all pairs."""
    return [op.inputs[0].type.shape[-1] for op in module.walk() if op.name == "graph.sort_rank"]


@pytest.mark.usefixtures("selects")
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_type(dtype: str, largest: int) -> None:
    for shape, axis, k in (((41,), 0, 9), ((3, 20), 1, 20), ((2, 13, 3), 1, 5)):
        x = extremes(shape, dtype)
        module = import_model(top_k(shape, dtype, k, axis=axis, largest=largest))
        assert ranked(module) == [k]
        found = interpret(module, {"x": x})
        places = in_order(x, k, axis, largest)
        np.testing.assert_array_equal(found["i"], places)
        np.testing.assert_array_equal(found["v"], np.take_along_axis(x, places, axis))


def test_a_million_scores_are_not_compared_in_pairs() -> None:
    assert ranked(import_model(top_k((1, 1_300_000), "f4", 1000))) == [1000]
    assert len(ranked(import_model(top_k((1, 20_000), "f4", 100)))) == 2  # in parts, which takes few launches


@pytest.mark.usefixtures("selects")
def test_more_than_there_are() -> None:
    with pytest.raises(ModelError, match="has as many elements as are taken"):
        import_model(top_k((2, 5), "f4", 6))


@pytest.mark.usefixtures("selects")
def test_a_length_that_only_a_run_knows() -> None:
    module = import_model(top_k(("R", "N"), "f4", 5))
    assert ranked(module) == [5]
    for rows, size in ((1, 5), (3, 40)):
        x = np.round(np.random.default_rng(2).standard_normal((rows, size)), 1).astype(np.float32)
        np.testing.assert_array_equal(interpret(module, {"x": x})["i"], in_order(x, 5, 1, 1))


@pytest.mark.usefixtures("selects")
def test_on_the_host() -> None:
    """The last ones that are taken lie in the midst of equal ones."""
    x = np.round(np.random.default_rng(1).standard_normal((2, 3000)), 1).astype(np.float32)
    x[0, ::5], x[1] = np.nan, -np.inf
    model = top_k(x.shape, "f4", 700)
    with glassrt.load(glassrt.compile(model, target="host"), device="host") as engine:
        np.testing.assert_array_equal(engine.run({"x": x})["i"], in_order(x, 700, 1, 1))


# As heads of detectors have it: the best of the scores above a threshold, at most so many.
BEST = """<ir_version: 8, opset_import: ["": 18]> agraph (float[300] x) => (float[K] v, int64[K] j)
<float low = {0.3}, int64[1] many = {20}, int64[1] one = {1}> {
  above = Greater(x, low) found = NonZero(above) rows = Transpose(found) scores = GatherND(x, rows)
  count = Shape(scores) k = Min(count, many) v, i = TopK(scores, k)
  places = Squeeze(rows, one) j = Gather(places, i)
}"""


@pytest.mark.usefixtures("selects")
def test_the_best_of_as_many_as_data_says() -> None:
    model = parser.parse_model(BEST)
    with glassrt.load(glassrt.compile(model, target="host"), device="host") as engine:
        for scale, count in ((1.0, 20), (0.15, 4), (0.0, 0)):
            x = (np.random.default_rng(3).standard_normal(300) * scale).astype(np.float32)
            x[::3] = np.round(x[::3], 1)
            found, expected = engine.run({"x": x}), run_onnxruntime(model, {"x": x})
            assert (len(found["v"]) == 20) == (count == 20) and (len(found["v"]) == 0) == (count == 0)
            for name, want in expected.items():
                np.testing.assert_array_equal(found[name], want)
