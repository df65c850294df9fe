"""Which tensors of two plans are compared."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.comparison import numbers
from glassrt.compiler.comparison.numbers import compare_numbers
from glassrt.runtime.engine import Engine

from .plans import X, plan

APART = plan(apart=("mm", "relu"))


def test_tensors_beyond_the_room_are_left_out() -> None:
    with Engine(APART, "host") as one:
        found = compare_numbers(one, one, {"x": X})
        assert {each.name for each in found.tensors} >= {"mm"} and found.left_out == 0
        assert [each.index for each in found.tensors] == sorted(each.index for each in found.tensors)
        room, numbers.MOST_BYTES = numbers.MOST_BYTES, 1
        try:
            none = compare_numbers(one, one, {"x": X})
        finally:
            numbers.MOST_BYTES = room
    assert none.tensors == [] and none.left_out == len(found.tensors)
    np.testing.assert_equal([each.error.max_abs for each in none.outputs], [0.0])
