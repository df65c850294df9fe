"""What the checks of an op catch: a wrong type, a wrong shape, a definition that differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F16, F32, I32
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.testing.op_checks import assert_close, check_op, symbols_of, tolerance

from ..custom_ops import Scaled

X = np.float32([[0.5, -2.0]])


@pytest.mark.parametrize("symbolic", [False, True])
def test_an_op_that_keeps_its_promise(symbolic: bool) -> None:
    check_op(Tanh, [X], symbolic=symbolic)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda self, evaluation, x: np.tanh(x) * np.float32(1.01),
        lambda self, evaluation, x: np.tanh(x)[:, :1],
        lambda self, evaluation, x: np.tanh(x).astype(np.float64),
    ],
    ids=["value", "shape", "type"],
)
def test_an_op_that_breaks_it(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tanh, "evaluate", wrong)
    with pytest.raises(AssertionError):
        check_op(Tanh, [X])


def test_tolerances_follow_the_type() -> None:
    assert tolerance(F32) < tolerance(F16) and tolerance(I32) == (0.0, 0.0)
    assert_close(np.float32([np.nan]), np.float32([np.nan]), F32)
    with pytest.raises(AssertionError):
        assert_close(np.int32([1]), np.int32([2]), I32)


def test_sizes_above_one_become_symbols() -> None:
    assert symbols_of([X, None, np.zeros((3, 2))]) == {"D2": 2, "D3": 3}


def test_a_body_in_cuda_keeps_its_type_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    check_op(Scaled, [X], symbolic=True, factor=3)
    monkeypatch.setattr(Scaled, "evaluate", lambda self, evaluation, x: x[:, :1])
    with pytest.raises(AssertionError):
        check_op(Scaled, [X])
