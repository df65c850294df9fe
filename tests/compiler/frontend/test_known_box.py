"""Assignments to slices: the same as a scatter, without a table of places."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.known_box import KnownBox, known_box
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto

from ...models import run_onnxruntime
from .graphs import model, node


def grid(*spans: tuple[int, int]) -> np.ndarray:
    """The indices [..., depth] of the box from the first to before the last of each of SPANS."""
    return np.stack(np.meshgrid(*[np.arange(*span) for span in spans], indexing="ij"), -1)


def test_a_box_inside_is_found() -> None:
    assert known_box((4, 5, 6), grid((1, 3), (0, 5))) == KnownBox((1, 0), (2, 5), (4, 5))
    assert known_box((4, 5), grid((-3, 0), (-5, -4))) == KnownBox((1, 0), (3, 1), (4, 5))


@pytest.mark.parametrize(
    "indices",
    [
        grid((1, 3), (0, 5))[::-1],
        grid((-1, 1)),
        grid((3, 5)),
        grid((0, 2)).T,
        grid((0, 4))[::2],
        grid((0, 0)),
    ],
    ids=["backwards", "across the end", "beyond the end", "another depth", "with a step", "empty"],
)
def test_what_is_no_box(indices: np.ndarray) -> None:
    assert known_box((4, 5), indices) is None


@pytest.mark.parametrize("reduction", ["none", "add", "max"])
def test_an_assignment_is_a_selection(reduction: str) -> None:
    nodes = [node("ScatterND", "x i u", reduction=reduction)]
    inputs = {"x": (2, 4, 5, "N"), "u": (2, 2, 5, "N")}
    made = model(nodes, inputs, constants={"i": grid((0, 2), (1, 3), (0, 5))}, opset=18)
    module = import_model(made)
    assert {op.name for op in module.walk()} <= {
        "graph.pad", "graph.where", "graph.constant", "core.return", "graph.add", "graph.max"
    }  # fmt: skip
    random = np.random.default_rng(0)
    given = {
        name: random.standard_normal(shape, dtype=np.float32)
        for name, shape in (("x", (2, 4, 5, 3)), ("u", (2, 2, 5, 3)))
    }
    np.testing.assert_array_equal(interpret(module, given)["y"], run_onnxruntime(made, given)["y"])


def assignments(count: int, rows: int) -> ModelProto:
    """COUNT assignments to x[1:, 1:], with indices as torch.onnx writes them."""
    nodes, name = [], "x"
    constants = {"m": np.array([-1]), "s": np.array([rows, rows]), "c": np.arange(1, rows + 1)}
    constants["r"] = constants["c"][:, None]
    for k in range(count):
        for axis in "rc":
            nodes.append(node("Expand", f"{axis} s", f"e{axis}{k}"))
            nodes.append(node("Unsqueeze", f"e{axis}{k} m", f"u{axis}{k}"))
        nodes.append(node("Concat", f"ur{k} uc{k}", f"i{k}", axis=-1))
        nodes.append(node("ScatterND", f"{name} i{k} u", f"y{k}"))
        name = f"y{k}"
    nodes.append(node("Relu", name))
    return model(nodes, {"x": (rows + 1, rows + 1), "u": (rows, rows)}, constants=constants)


def test_indices_are_held_no_longer_than_they_are_read() -> None:
    """The indices of one assignment fit the budget, those of all do not; none is stored."""
    module = import_model(assignments(8, 100), folding_budget=400_000)
    stored = sum(module.resources[name].nbytes for name in module.resources)
    assert stored < 1000 and not any(op.name == "graph.scatter_nd" for op in module.walk())
