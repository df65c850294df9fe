"""Scatters at constant indices: no search at run time, and the same result as with indices that are data."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError

from .nodes import Array, Case, case, ints, real

AT = np.array([[1, 2, 0], [0, 2, -1]])
APART = np.array([[1, 2, 0], [0, 1, -1]])
SLICES = ints(3, -4, 3).reshape(3, 1)


def run(given: Case) -> tuple[set[str], Array]:
    """The ops that the node is imported as, and what they give."""
    module = import_model(given.model(18).SerializeToString())
    [found] = interpret(module, given.inputs).values()
    return {op.name for op in module.walk()}, found


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
@pytest.mark.parametrize(
    ("op", "shapes", "indices", "attributes"),
    [
        ("ScatterElements", [(3, 3), (2, 3)], AT, {"axis": 1}),
        ("ScatterElements", [(3, 4), (2, 3)], APART, {"axis": 0}),
        ("ScatterND", [(4, 2), (3, 2)], SLICES, {}),
        ("ScatterND", [(4, 2), (2, 2)], SLICES[:2], {}),
        ("ScatterND", [(2, 3, 2), (2, 3, 2)], np.stack(np.indices((2, 3)), -1), {}),
    ],
)
def test_the_same_as_with_indices_that_are_data(
    op: str, shapes: list[tuple[int, ...]], indices: Array, attributes: dict[str, Any], reduction: str
) -> None:
    x, updates = (real(*shape) for shape in shapes)
    known, data = (
        run(case(op, 18, x, indices, updates, constant=c, reduction=reduction, **attributes))
        for c in ((1,), ())
    )
    searches = {"graph.scatter_elements", "graph.scatter_nd"}
    flat = indices.reshape(-1, indices.shape[-1]) if op == "ScatterND" else indices
    repeated = len(np.unique(flat % 4, axis=0)) < len(flat) if op == "ScatterND" else indices is AT
    assert data[0] & searches
    assert bool(known[0] & searches) == (repeated and reduction != "none")
    np.testing.assert_allclose(known[1], data[1], rtol=1e-6)


def test_an_assignment_to_a_slice_is_one_kernel() -> None:
    x, updates = real(4, 6), real(2, 6)
    given = case("ScatterND", 18, x, ints(1, 2).reshape(2, 1), updates, constant=(1,))
    plan = glassrt.compile(given.model(18).SerializeToString(), target="host")
    with glassrt.load(plan, "host") as engine:
        [found] = engine.run({"x0": x, "x2": updates}).values()
    x[1:3] = updates
    np.testing.assert_array_equal(found, x)
    assert plan.levels["launch"].count("launch.kernel") == 1


@pytest.mark.parametrize("op", ["ScatterElements", "ScatterND"])
def test_updates_of_another_shape(op: str) -> None:
    indices = ints(1, 2) if op == "ScatterElements" else ints(1, 2).reshape(2, 1)
    with pytest.raises(ModelError, match="its updates"):
        run(case(op, 18, real(4), indices, real(3), constant=(1,)))
