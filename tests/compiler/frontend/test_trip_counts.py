"""Loops whose trip count is a quotient of what inputs hold: the body of Range, and what is not quite it."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import InputError, UnsupportedError
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ...models import run_onnxruntime
from .graphs import node

F32, I32, I64, BOOL = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL


def counting(kind: int, top: list[NodeProto], condition: str = "more") -> ModelProto:
    """start, start + delta, ...: as often as TOP computes `trip`, of `start`, `limit` and `delta`."""
    body = helper.make_graph(
        [
            node("Identity", "go", "going"),
            node("Add", "prev delta", "next"),
            node("Identity", "prev", "here"),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", I64, []),
            helper.make_tensor_value_info("go", BOOL, []),
            helper.make_tensor_value_info("prev", kind, []),
        ],
        [helper.make_empty_tensor_value_info(name) for name in ("going", "next", "here")],
    )
    loop = node("Loop", f"trip {condition} start", "last y", body=body)
    graph = helper.make_graph(
        [*top, loop],
        "counting",
        [helper.make_tensor_value_info(name, kind, []) for name in ("start", "limit", "delta")],
        [helper.make_tensor_value_info("y", kind, [None])],
        [numpy_helper.from_array(np.array(7.0, np.float32), "seven")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def steps(distance: str = "distance", step: str = "step", truth: str = "some") -> list[NodeProto]:
    return [
        node("Sub", "limit start", "apart"),
        node("Cast", "apart", "distance", to=F32),
        node("Cast", "delta", "step", to=F32),
        node("Div", f"{distance} {step}", "quotient"),
        node("Ceil", "quotient", "whole"),
        node("Relu", "whole", "some"),
        node("Cast", "some", "trip", to=I64),
        node("Cast", truth, "more", to=BOOL),
    ]


def given(kind: int, *numbers: float) -> dict[str, np.ndarray[Any, Any]]:
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    return {
        name: np.array(value, dtype) for name, value in zip(("start", "limit", "delta"), numbers, strict=True)
    }


@pytest.mark.parametrize("kind", [F32, I32])
def test_a_quotient_of_what_inputs_hold_is_a_trip_count(kind: int) -> None:
    model = counting(kind, steps())
    module = import_model(model)
    assert set(module.contents) == {"start", "limit", "delta"} and not module.cuts
    for numbers in ((1, 6, 2), (10, 4, -3), (3, 3, 1), (5, 2, 1), (-7, 8, 5)):
        inputs = given(kind, *numbers)
        np.testing.assert_array_equal(interpret(module, inputs)["y"], run_onnxruntime(model, inputs)["y"])
    with pytest.raises(InputError, match="its step is not 0"):
        interpret(module, given(kind, 1, 6, 0))


def test_such_a_loop_runs_on_the_host() -> None:
    with glassrt.load(glassrt.compile(counting(F32, steps()), target="host"), device="host") as engine:
        for numbers in ((1, 6, 2), (10, 4, -3), (5, 2, 1)):
            inputs = given(F32, *numbers)
            np.testing.assert_array_equal(engine.run(inputs)["y"], np.arange(*numbers, dtype=np.float32))
        with pytest.raises(InputError, match="holds"):
            engine.run(given(F32, 0.5, 6, 2))


def test_a_constant_divides_and_is_divided() -> None:
    model = counting(F32, steps(distance="seven"))
    module = import_model(model)
    for step in (2, 3, -1):
        inputs = given(F32, 1, 0, step)
        np.testing.assert_array_equal(interpret(module, inputs)["y"], run_onnxruntime(model, inputs)["y"])


def test_a_condition_that_the_trip_count_does_not_imply_counts() -> None:
    model = counting(I32, steps(truth="start"))
    module = import_model(model)
    for numbers in ((0, 6, 2), (1, 6, 2)):
        inputs = given(I32, *numbers)
        np.testing.assert_array_equal(interpret(module, inputs)["y"], run_onnxruntime(model, inputs)["y"])


def test_a_narrow_number_is_not_the_one_that_the_input_holds() -> None:
    narrow = [node("Cast", "delta", "short", to=BOOL), node("Cast", "short", "one", to=F32)]
    with pytest.raises(UnsupportedError, match="how many elements its scan outputs have"):
        import_model(counting(F32, [*narrow, *steps(step="one")]))
