"""Products are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import contractions

from .growing import check_maker, makers_of

OPS = {"attention": "Softmax", "gemm": "Gemm", "einsum": "Einsum"}


@pytest.mark.parametrize("name", makers_of(contractions))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}
