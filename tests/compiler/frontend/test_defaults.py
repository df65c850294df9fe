"""Inputs with a default: those that a run may give, and those that are constants of the plan."""

from __future__ import annotations

import math
from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.report.modules import launch_module
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.parser import parse_module
from glassrt.errors import InputError
from glassrt.runtime.plan import LEVELS
from onnx import ModelProto, TensorProto, helper

from ...models import run_onnxruntime
from .graphs import model, node


def with_default(kind: str = "Add", shape: tuple[int, ...] = (3,)) -> ModelProto:
    """KIND of x and w, where w is an input with a default of SHAPE."""
    count = math.prod(shape)
    made = model([node(kind, "x w")], constants={"w": np.arange(count, dtype=np.float32).reshape(shape)})
    made.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, shape))
    return made


INPUTS = {"x": np.ones((2, 3), np.float32)}


def test_a_run_that_gives_a_constant_is_told_how() -> None:
    made = with_default("MatMul", (3, 3))
    with glassrt.load(glassrt.compile(made, target="host"), device="host") as engine:
        with pytest.raises(InputError, match="wrong names") as caught:
            engine.run({**INPUTS, "w": np.zeros((3, 3), np.float32)})
        assert "the plan has no input 'w'; if it is an initializer" in str(caught.value)


def test_a_shape_for_what_is_no_input_is_told_what_it_is() -> None:
    made = model([node("Add", "x w")], constants={"w": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="the model has no input 'w'") as caught:
        import_model(made, inputs={"w": [3]})
    assert caught.value.hint == "'w' is an initializer; list it among the inputs of the graph, too"
    with pytest.raises(InputError, match="the model has no input 'v'") as caught:
        import_model(with_default("MatMul", (3, 3)), inputs={"v": [3]})
    assert caught.value.hint == "its inputs: 'x', 'w'"


def test_an_input_with_a_default_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    glassrt.compile(with_default(), target="host").save(path)
    with glassrt.load(path, device="host") as engine:
        for more in ({}, {"w": np.array([5, -1, 2], np.float32)}):
            given = {**INPUTS, **more}
            expected = run_onnxruntime(with_default(), given)["y"]
            np.testing.assert_array_equal(engine.run(given)["y"], expected)
        with pytest.raises(InputError, match="wrong names"):
            engine.run({"w": np.zeros(3, np.float32)})


def test_a_default_widens_a_range_that_nobody_gave() -> None:
    made = with_default(shape=(100,))
    module = import_model(made, inputs={"w": ["K"], "x": [2, "K"]})
    assert module.symbols["K"].maximum == 100 and module.defaults
    limited = import_model(made, inputs={"w": ["K"], "x": [2, "K"]}, shapes={"K": (1, 4, 8)})
    assert limited.symbols["K"].maximum == 8 and not limited.defaults
    content = model([node("Reshape", "x s")], {"x": (300, 1)}, constants={"s": np.array([300, -1])})
    content.graph.input.append(helper.make_tensor_value_info("s", TensorProto.INT64, (2,)))
    assert import_model(content, inputs={"s": [2]}).defaults
    assert not import_model(content, inputs={"s": [2]}, shapes={"s[0]": (1, 2, 9)}).defaults


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_knows_it(level: str) -> None:
    plan = glassrt.compile(with_default(), target="host", inputs={"x": [2, "K"], "w": ["K"]})
    module = launch_module(plan)
    if level != "launch":
        module = parse_module(plan.ir(level), ALL_DIALECTS, module.resources)
    np.testing.assert_array_equal(
        interpret(module, INPUTS)["y"], INPUTS["x"] + np.arange(3, dtype=np.float32)
    )
    pair = {"x": np.ones((2, 2), np.float32), "w": np.array([1, 5], np.float32)}
    np.testing.assert_array_equal(interpret(module, pair)["y"], pair["x"] + pair["w"])
    with pytest.raises(InputError, match="has a dimension 3 where"):
        interpret(module, {"x": pair["x"]})


def test_a_default_of_another_type_is_converted() -> None:
    policy = PrecisionPolicy("fp32", io={"w": "fp16"})
    plan = glassrt.compile(with_default(), target="host", inputs={"w": [3]}, precision=policy)
    with glassrt.load(plan, device="host") as engine:
        found = engine.run(INPUTS)["y"]
    np.testing.assert_array_equal(found, INPUTS["x"] + np.arange(3, dtype=np.float32))


def test_the_numbers_of_a_default_are_sizes() -> None:
    made = model([node("Reshape", "x s")], constants={"s": np.array([3, -1])})
    made.graph.input.append(helper.make_tensor_value_info("s", TensorProto.INT64, (2,)))
    module = import_model(made, inputs={"s": [2]})
    for more in ({}, {"s": np.array([-1, 6])}):
        given = {**INPUTS, **more}
        np.testing.assert_array_equal(interpret(module, given)["y"], run_onnxruntime(made, given)["y"])


def test_a_shape_that_does_not_admit_it() -> None:
    module = import_model(with_default(), inputs={"w": [1]})
    assert not module.defaults
    with pytest.raises(InputError, match="the input 'w' is missing"):
        interpret(module, INPUTS)
