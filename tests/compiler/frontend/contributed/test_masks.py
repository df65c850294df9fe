"""Masks of sequences whose sizes are symbols, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import UnsupportedError

from ..nodes import Array, real
from ..own import agree, microsoft, sized

I32 = np.int32
RAW = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], I32)
FULL = np.tri(5, dtype=I32)[None].repeat(2, 0)
FORMS: list[tuple[Array, tuple[int | str, ...]]] = [
    (RAW, ("N", "S")),
    (FULL, ("N", "S", "S")),
    (np.array([3, 5], I32), ("N",)),
    (np.array([3, 5, 0, 2], I32), ("M",)),
]


@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize(("mask", "shape"), FORMS[:3])
def test_symbolic_sizes(mask: Array, shape: tuple[int | str, ...], causal: int) -> None:
    given = microsoft(
        *("Attention", real(2, 5, 6), real(6, 24), real(24), mask),
        num_heads=2,
        unidirectional=causal,
        constant=(1, 2),
    )
    agree(sized(given, x0=("N", "S", 6), x3=shape), given.inputs)


def test_numbers_that_may_be_ends_or_both() -> None:
    given = microsoft("Attention", real(2, 5, 6), real(6, 24), real(24), FORMS[3][0], num_heads=2)
    with pytest.raises(UnsupportedError, match="a mask tensor<Mxi32> for N sequences"):
        import_model(sized(given, x0=("N", "S", 6), x3=("M",)))
    agree(sized(given, x0=(2, "S", 6), x3=(4,)), given.inputs)
