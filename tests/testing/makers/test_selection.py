"""Steps that pick elements are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import selection

from .growing import check_maker, makers_of

OPS = {"gather": "Gather", "largest": "TopK"}


@pytest.mark.parametrize("name", makers_of(selection))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}
