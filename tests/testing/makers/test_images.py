"""Steps on images are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import images

from .growing import check_maker, makers_of

OPS = {"conv": "Conv", "resize": "Resize", "conv_block": "Conv"}


@pytest.mark.parametrize("name", makers_of(images))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}
