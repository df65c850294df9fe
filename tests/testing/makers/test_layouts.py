"""Steps that move elements are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import layouts

from .growing import check_maker, makers_of

OPS = {"transpose": "Transpose", "pad": "Pad", "expand": "Expand"}


@pytest.mark.parametrize("name", makers_of(layouts))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}
