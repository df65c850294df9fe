"""Steps along axes are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import rows

from .growing import check_maker, makers_of

OPS = {"layer_norm": "LayerNormalization"}


@pytest.mark.parametrize("name", makers_of(rows))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}
