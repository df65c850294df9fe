"""Indices outside their axis: an error with node and value for whoever asks for it."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.compiler.checking.indices import check_module, index_watch
from glassrt.compiler.frontend import import_model
from glassrt.errors import InputError, UnsupportedError
from glassrt.runtime import Engine
from onnx import ModelProto, TensorProto, helper, numpy_helper

TABLE = np.arange(20, dtype=np.float32).reshape(5, 4)
GOOD, BAD = np.int64([[0, 4], [-5, 2]]), np.int64([[0, 4], [7, 2]])
MESSAGE = r"the index 7 at \[1, 0\] is not in -5..4"


def embedding() -> ModelProto:
    """y = relu(table[ids]); z = table[ids + 1], which a kernel computes."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["e"], name="embed"),
        helper.make_node("Relu", ["e"], ["y"], name="relu"),
        helper.make_node("Add", ["ids", "one"], ["next"], name="add"),
        helper.make_node("Gather", ["table", "next"], ["z"], name="ahead"),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", 2])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "yz"]
    weights = [numpy_helper.from_array(TABLE, "table"), numpy_helper.from_array(np.int64(1), "one")]
    return helper.make_model(helper.make_graph(nodes, "g", [ids], outputs, weights))


@pytest.fixture(scope="module")
def plan() -> glassrt.Plan:
    return glassrt.compile(embedding(), target="host")


def test_a_run_that_is_watched_names_node_and_value(plan: glassrt.Plan) -> None:
    good = np.int64([[0, 3], [-5, 2]])
    with glassrt.load(plan, "host", check_indices=True) as engine:
        results = engine.run({"ids": good})
        np.testing.assert_array_equal(results["y"], TABLE[good])
        with pytest.raises(InputError, match=MESSAGE) as caught:
            engine.run({"ids": BAD})
        assert caught.value.diagnostic.nodes == ("embed",) and "nearest element" in (caught.value.hint or "")
        with pytest.raises(InputError, match=r"the index 5 at \[0, 1\] is not in -5..4") as caught:
            engine.run({"ids": GOOD})  # the index is computed inside of a kernel
        assert caught.value.diagnostic.nodes == ("ahead",)
        with pytest.raises(UnsupportedError, match="a bound run checks no indices"):
            engine.context().bind({"ids": good})


def test_the_environment_asks_for_it(plan: glassrt.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    with glassrt.load(plan, "host") as engine:
        np.testing.assert_array_equal(engine.run({"ids": BAD})["y"], TABLE[[[0, 4], [4, 2]]])
    monkeypatch.setenv("GLASSRT_CHECK", "1")
    with glassrt.load(plan, "host") as engine, pytest.raises(InputError, match=MESSAGE):
        engine.run({"ids": BAD})
    with glassrt.load(plan, "host", check_indices=False) as engine:
        engine.run({"ids": BAD})


def test_a_runtime_without_the_compiler_says_so(plan: glassrt.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, package: str | None = None) -> None:
        raise ImportError("No module named 'onnx'")

    monkeypatch.setattr("glassrt.runtime.discovery.importlib.import_module", missing)
    with pytest.raises(InputError, match="indices are checked by the compiler"):
        Engine(plan, "host", check_indices=True)


def test_a_module_is_checked_as_it_was_imported() -> None:
    module = import_model(embedding())
    check_module(module, {"ids": np.int64([[0, 3]])})
    with pytest.raises(InputError, match=MESSAGE):
        check_module(module, {"ids": BAD})


def test_plans_that_take_no_index_are_not_watched() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
    model = helper.make_model(helper.make_graph([node], "g", [x], [y]))
    assert index_watch(glassrt.compile(model, target="host")) is None


def test_what_a_run_writes_in_place_is_written_once() -> None:
    """Watching runs the kernels, too, but on copies; and an update that leaves the cache is an error."""
    node = helper.make_node("TensorScatter", ["past", "new", "at"], ["present"], axis=1, name="write")
    past, present = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4, 2]) for n in ("past", "present")
    )
    new = helper.make_tensor_value_info("new", TensorProto.FLOAT, [1, 2, 2])
    at = helper.make_tensor_value_info("at", TensorProto.INT64, [1])
    graph = helper.make_graph([node], "g", [past, new, at], [present])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)])
    plan = glassrt.compile(model, target="host", in_place={"present": "past"})
    memory, written = np.zeros((1, 4, 2), np.float32), np.ones((1, 2, 2), np.float32)
    with glassrt.load(plan, "host", check_indices=True) as engine:
        engine.run({"past": memory, "at": np.int64([2]), "new": written})
        np.testing.assert_array_equal(memory[0, :, 0], np.float32([0, 0, 1, 1]))
        memory[:] = 0
        for start in (3, -1):
            with pytest.raises(InputError, match=rf"the index {start} at \[0\] is not in 0..2"):
                engine.run({"past": memory, "at": np.int64([start]), "new": written})
    np.testing.assert_array_equal(memory, 0)
