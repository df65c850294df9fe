"""The symbols of a run, from the sizes of its inputs."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.errors import InputError
from glassrt.runtime.symbols import SymbolBinder

from .tiny_plans import affine_plan


def bind(*shape: int) -> dict[str, int]:
    given = np.zeros(shape, np.float32)
    return SymbolBinder(affine_plan().spec).bind([given], {}, {"x": given})


def test_sizes_determine_symbols() -> None:
    assert bind(1, 4) == {"N": 1} and bind(32, 4) == {"N": 32}


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 5), "input 'x' has the wrong size in axis 1"),
        ((33, 4), "'N' is 33, outside its range 1..32"),
        ((0, 4), "'N' is 0, outside its range 1..32"),
    ],
)
def test_wrong_sizes_are_told_with_what_was_given(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        bind(*shape)
    assert f"given:  'x': float32{list(shape)}" in str(caught.value)
