"""Einsum means what numpy says, in all forms of equations, and takes no equation that is not one."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError

from .nodes import Array, case, real, whole

EQUATIONS: dict[str, list[tuple[int, ...]]] = {
    "ij,jk->ik": [(2, 3), (3, 4)],
    "ij,jk": [(2, 3), (3, 4)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 2)],
    "bhqd,bhkd->bhqk": [(2, 2, 3, 4), (2, 2, 5, 4)],
    "bqhd,bkhd->bhqk": [(2, 3, 2, 4), (2, 5, 2, 4)],
    "...ij,...jk->...ik": [(2, 1, 3, 4), (5, 4, 2)],
    "...ij,jk": [(2, 3, 4), (4, 2)],
    "ij->ji": [(2, 3)],
    "ji": [(2, 3)],
    "ij->": [(2, 3)],
    "ij->i": [(2, 3)],
    "ii->i": [(3, 3)],
    "ii": [(3, 3)],
    "iji->j": [(3, 2, 3)],
    "iii->i": [(3, 3, 3)],
    "bii,i->b": [(2, 3, 3), (3,)],
    "i,j->ij": [(2,), (3,)],
    "i,i->": [(4,), (4,)],
    "ij,ij->ij": [(2, 3), (2, 3)],
    "a,b,c->cba": [(2,), (3,), (4,)],
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 2)],
    "bi,bij,bj->b": [(2, 3), (2, 3, 4), (2, 4)],
    "ij,kj->": [(2, 3), (4, 3)],
    "bid,bjd,e->bij": [(2, 3, 4), (2, 5, 4), (2,)],
    "...->...": [(2, 3)],
    "i...,i...->...": [(2, 3, 4), (2, 3, 4)],
    "ij,jk->ik ": [(2, 1), (3, 4)],
    "Ab,bA->A": [(2, 3), (3, 2)],
    ",i->i": [(), (3,)],
}


def imported(equation: str, arrays: list[Array]) -> Any:
    module = import_model(case("Einsum", 12, *arrays, equation=equation).model(12).SerializeToString())
    [found] = interpret(module, {f"x{place}": array for place, array in enumerate(arrays)}).values()
    return found


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_agrees_with_numpy(equation: str, dtype: type) -> None:
    arrays = [whole(*shape, dtype=dtype) for shape in EQUATIONS[equation]]
    wanted = arrays
    if equation.endswith(" "):  # numpy stretches no axis
        wanted = [np.broadcast_to(arrays[0], (2, 3)), arrays[1]]
    found = imported(equation, arrays)
    want = np.einsum(equation, *wanted)
    assert found.dtype == dtype
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=1e-5)


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij,jk->ik", [(2, 3)], "2 terms for 1 inputs"),
        ("ij->ik", [(2, 3)], "which no input has"),
        ("ijk->i", [(2, 3)], "does not label 2 axes"),
        ("i->i", [(2, 3)], "does not label 2 axes"),
        ("i1->i", [(2, 3)], "is not of letters"),
        ("......->i", [(2, 3)], "is not of letters"),
        ("ij->ii", [(2, 3)], "an axis twice"),
        ("ij,jk->ik", [(2, 3), (4, 5)], "of one size"),
        ("ii->i", [(2, 3)], "of one size"),
    ],
)
def test_no_equation(equation: str, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        imported(equation, [real(*shape) for shape in shapes])


def test_a_product_runs_as_a_matrix_product() -> None:
    x, y = real(2, 3, 2, 8), real(2, 5, 2, 8)
    plan = glassrt.compile(
        case("Einsum", 12, x, y, equation="bqhd,bkhd->bhqk").model(12).SerializeToString(), target="host"
    )
    with glassrt.load(plan, "host") as engine:
        [found] = engine.run({"x0": x, "x1": y}).values()
    np.testing.assert_allclose(found, np.einsum("bqhd,bkhd->bhqk", x, y), rtol=1e-4, atol=1e-5)
    assert "graph.matmul" in plan.levels["launch"]
