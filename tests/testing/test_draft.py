"""Drafts know their tensors, refuse what carries no signal, and keep bodies apart."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.testing.choices import Seeded
from glassrt.testing.draft import Draft, Unfit


def draft(special: bool = False) -> Draft:
    return Draft(Seeded(0), {"N": 3}, special)


def test_a_draft_knows_the_value_of_what_it_adds() -> None:
    d = draft()
    x = d.input("N", 2)
    y = d.add("Transpose", x, perm=[1, 0])
    assert d.shape(y) == (2, 3)
    np.testing.assert_array_equal(d.values[y], d.values[x].T)


@pytest.mark.parametrize(
    ("op", "array"), [("Exp", [99.0]), ("Relu", [-1.0]), ("Log", [-1.0])], ids=["large", "zeros", "NaN"]
)
def test_results_without_signal_are_unfit(op: str, array: list[float]) -> None:
    d = draft()
    with pytest.raises(Unfit):
        d.add(op, d.const(np.float32(array)))
    assert not d.nodes
    special = draft(special=True)
    assert special.add(op, special.const(np.float32(array)))


def test_what_onnx_runtime_refuses_is_unfit() -> None:
    d = draft()
    with pytest.raises(Unfit):
        d.add("MatMul", d.input(2, 3), d.input(2, 3))


def test_ties_are_unfit_and_jumps_are_said() -> None:
    d = draft()
    with pytest.raises(Unfit, match="tie"):
        d.jumps(np.float32([1e-6, 1]))
    assert d.smooth
    d.body().jumps(np.float32([1.0]))
    assert not d.smooth


def test_special_inputs_hold_nan_and_infinities() -> None:
    numbers = draft().numbers((400,), special=True)
    assert np.isnan(numbers).any() and np.isinf(numbers).any() and np.isfinite(numbers).any()


def test_a_body_sees_what_is_around_it_but_not_the_other_way() -> None:
    d = draft()
    x = d.input(2)
    body = d.body()
    y = body.add("Neg", x)
    assert y in body.floats and y not in d.values
    assert body.made_here(y) == y != body.made_here(x)
    assert [node.op_type for node in body.graph("body", [y]).node] == ["Neg", "Identity"]
