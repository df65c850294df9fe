"""What folded constants may hold is counted while it is held."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.folding_budget import FoldingBudget, is_broadcast, without_repeats
from glassrt.compiler.frontend.problems import Malformed

REPEATED = np.broadcast_to(np.arange(2.0)[:, None], (2, 3))


def test_bytes_come_back_when_the_last_view_is_gone() -> None:
    budget = FoldingBudget(100)
    budget.charge(80)
    array = np.zeros(10)
    budget.held_by(array[1:], 80)
    view = array[2:][None]
    del array
    assert budget.left == 20
    with pytest.raises(Malformed, match="21 bytes, more than the 20 left of the folding budget of 100"):
        budget.charge(21)
    del view
    assert budget.left == 100


def test_a_broadcast_holds_nothing() -> None:
    budget = FoldingBudget(100)
    budget.charge(48)
    budget.held_by(REPEATED, 48)
    assert budget.left == 100


def test_repetitions() -> None:
    assert is_broadcast(REPEATED) and not is_broadcast(np.zeros((1, 3))) and not is_broadcast(REPEATED[:, :1])
    np.testing.assert_array_equal(without_repeats(REPEATED), [[0], [1]])
