"""Quantized steps are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import quantized

from .growing import check_maker, makers_of

OPS = {"rounded": "QuantizeLinear", "quantized_conv": "Conv"}


@pytest.mark.parametrize("name", makers_of(quantized))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}
