"""Inputs with a default: constants of the plan, unless the build asks for them as inputs."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.errors import InputError
from onnx import ModelProto, TensorProto, helper

from ...models import run_onnxruntime
from .graphs import model, node


def with_default() -> ModelProto:
    """x + w, where w is an input with a default."""
    made = model([node("Add", "x w")], constants={"w": np.arange(3, dtype=np.float32)})
    made.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (3,)))
    return made


INPUTS = {"x": np.ones((2, 3), np.float32)}


def test_a_default_is_a_constant() -> None:
    with glassrt.load(glassrt.compile(with_default(), target="host"), device="host") as engine:
        np.testing.assert_array_equal(engine.run(INPUTS)["y"], INPUTS["x"] + np.arange(3, dtype=np.float32))
        with pytest.raises(InputError, match="wrong names") as caught:
            engine.run({**INPUTS, "w": np.zeros(3, np.float32)})
        assert "built with inputs={name: shape}" in str(caught.value)


def test_a_default_is_an_input_of_a_plan_that_asks_for_it() -> None:
    plan = glassrt.compile(with_default(), target="host", inputs={"w": [3]})
    given = {**INPUTS, "w": np.array([5, -1, 2], np.float32)}
    with glassrt.load(plan, device="host") as engine:
        np.testing.assert_array_equal(engine.run(given)["y"], run_onnxruntime(with_default(), given)["y"])
        with pytest.raises(InputError, match="wrong names"):
            engine.run(INPUTS)
