"""Heads and keys of the past, of sizes that are symbols, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import UnsupportedError

from ..nodes import real
from ..own import agree, microsoft, sized

I32 = np.int32


@pytest.mark.parametrize("causal", [0, 1])
def test_a_past_of_symbolic_length(causal: int) -> None:
    given = microsoft(
        *("Attention", real(2, 5, 6), real(6, 24), real(24), None, real(2, 2, 2, 3, 4)),
        num_heads=2,
        unidirectional=causal,
        outputs=2,
        constant=(1, 2),
    )
    agree(sized(given, x0=("N", "S", 6), x4=(2, "N", 2, "P", 4)), given.inputs)


def test_keys_of_another_length() -> None:
    given = microsoft("MultiHeadAttention", real(2, 5, 8), real(2, 7, 8), real(2, 7, 8), num_heads=2)
    agree(sized(given, x0=("N", "S", 8), x1=("N", "T", 8), x2=("N", "T", 8)), given.inputs)


def test_a_step_of_a_language_model() -> None:
    """What is put into the cache is as long as the inputs say when it runs."""
    new = real(1, 3, 32), real(1, 3, 16), real(1, 3, 16)
    past = real(1, 1, 4, 16), real(1, 1, 4, 16)
    sizes = np.array([6], I32), np.array(7, I32)
    given = microsoft(
        *("GroupQueryAttention", *new, *past, *sizes),
        num_heads=2,
        kv_num_heads=1,
        outputs=3,
    )
    spans = {f"x{index}": ("N", "S", size) for index, size in enumerate((32, 16, 16))}
    caches = {f"x{index}": ("N", 1, "P", 16) for index in (3, 4)}
    agree(sized(given, **spans, **caches, x5=("N",)), given.inputs)


def test_heads_of_a_symbolic_size() -> None:
    given = microsoft("MultiHeadAttention", *[real(2, 5, 8)] * 3, num_heads=2)
    sizes = {f"x{index}": ("N", "S", "D") for index in range(3)}
    with pytest.raises(UnsupportedError, match="whether D features split into 2 heads"):
        import_model(sized(given, **sizes))
