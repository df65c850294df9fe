"""How inputs that do not match a plan are told."""

from __future__ import annotations

import numpy as np
from glassrt.runtime.mismatch import dimension, mismatch

from .tiny_plans import affine_plan


def test_what_is_wanted_stands_beside_what_was_given() -> None:
    error = mismatch(affine_plan().spec, "no good", {"a": np.zeros((2, 3), np.int8), "b": 7}, "try again")
    assert error.message.splitlines() == [
        "no good",
        "  wanted: 'x': f32[N, 4] where 'N' in 1..32",
        "  given:  'a': int8[2, 3]; 'b': int",
    ]
    assert error.hint == "try again"
    assert mismatch(affine_plan().spec, "no good", {}).message.endswith("given:  nothing")


def test_sizes_are_written_as_callers_write_them() -> None:
    sizes = [4, "N", ["*", 2, "h"], ["floordiv", ["+", "W", 1], 2]]
    assert list(map(dimension, sizes)) == ["4", "N", "2*h", "floordiv(W+1, 2)"]
