"""Initializers among the inputs: which of them are defaults, and which are listed by habit."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.optional_inputs import meant_to_be_given
from onnx import ModelProto

from .graphs import model, node

W = np.arange(9, dtype=np.float32).reshape(3, 3)


def listed(kind: str = "Add", *, w: np.ndarray = W, version: int = 9) -> ModelProto:
    """KIND of x and w, where w is an initializer and an input of a file of IR VERSION."""
    made = model([node(kind, "x w")], {"x": (2, 3), "w": w.shape}, constants={"w": w})
    made.ir_version = version
    return made


@pytest.mark.parametrize(
    "made",
    [listed(version=3), listed("MatMul"), listed("PRelu", w=W[0]), listed("Max", w=np.array([3, 2]))],
    ids=["an old file", "weights", "slopes", "integers"],
)
def test_one_that_is_listed_by_habit_is_a_constant(made: ModelProto) -> None:
    assert meant_to_be_given(made) == frozenset()


def test_other_ones_are_defaults() -> None:
    assert meant_to_be_given(listed()) == {"w"}
    module = import_model(listed(w=W[0]))
    assert module.main.inputs == ["x", "w"] and list(module.defaults) == ["w"]


def test_weights_make_all_of_a_file_constants() -> None:
    nodes = [node("MatMul", "x m", "a"), node("Add", "a w")]
    made = model(nodes, {"x": (2, 3), "w": (3,), "m": (3, 3)}, constants={"w": W[0], "m": W})
    assert import_model(made).main.inputs == ["x"]
