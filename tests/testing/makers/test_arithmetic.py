"""Elementwise steps are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import arithmetic

from .growing import check_maker, makers_of

OPS = {"division": "Div", "selected": "Where", "integers": "Cast"}


@pytest.mark.parametrize("name", makers_of(arithmetic))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}
