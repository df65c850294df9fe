"""Branches, loops and recurrence are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import control

from .growing import check_maker, makers_of

OPS = {"branch": "If", "loop": "Loop", "scan": "Scan"}


@pytest.mark.parametrize("name", makers_of(control))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}
