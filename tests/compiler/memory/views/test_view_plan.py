"""Places in buffers: a view by them is the tensor, through slices and reshapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.memory.views.pure_movement import SourceSlice
from glassrt.compiler.memory.views.view_plan import Copy, ViewPlace, ViewPlan, base_of, with_reshapes
from glassrt.compiler.patterns.strided import part
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.testing.net import Net

Array = np.ndarray[Any, Any]
WHOLE = TensorType((6, 16), F32)
MEMORY = np.arange(96.0, dtype=np.float32)


class Planned:
    """Columns 8 to 15 of a buffer [6, 16], as a value of their own with reshapes of it."""

    def __init__(self) -> None:
        self.net = Net()
        self.root, self.value = self.net.input("root", 6, 16), self.net.input("value", 6, 8)
        self.plan = ViewPlan()
        self.plan.places[self.value] = ViewPlace(self.root, part(WHOLE, (0, 8), (6, 8)))

    def reshape(self, value: Value, *shape: int) -> Value:
        return self.net.add(Reshape, value, shape=list(shape))


def seen(place: ViewPlace) -> Array:
    """What PLACE shows of MEMORY."""
    type = place.type
    strides = [int(str(stride)) * MEMORY.itemsize for stride in type.strides]
    start = MEMORY[int(str(type.layout.offset)) :]
    return np.lib.stride_tricks.as_strided(start, tuple(map(int, map(str, type.shape))), strides)


def test_a_value_without_a_place_owns_its_buffer() -> None:
    planned = Planned()
    flat = planned.reshape(planned.root, 96)
    for value in (planned.root, flat):
        assert planned.plan.place_of(value) == ViewPlace(planned.root, value.type)
        assert planned.plan.accessed_type(value) == value.type
    np.testing.assert_array_equal(seen(planned.plan.place_of(flat)), MEMORY)


def test_reshapes_of_a_part_are_views_where_strides_allow_it() -> None:
    planned = Planned()
    want = MEMORY.reshape(6, 16)[:, 8:]
    chain = planned.reshape(planned.reshape(planned.value, 2, 3, 8), 2, 3, 2, 4)
    place = planned.plan.place_of(chain)
    assert place.root is planned.root
    np.testing.assert_array_equal(seen(place), want.reshape(2, 3, 2, 4))
    flat = planned.reshape(planned.value, 48)
    assert planned.plan.find(flat) is None
    with pytest.raises(ValueError, match="memory does not allow"):
        planned.plan.place_of(flat)


def test_kernels_access_the_aligned_part_of_a_buffer() -> None:
    planned = Planned()
    type = planned.plan.accessed_type(planned.value)
    assert (type.strides, type.layout.offset) == ((16, 1), 0), "column 8 is aligned: a view begins there"
    planned.plan.places[planned.value] = ViewPlace(planned.root, part(WHOLE, (0, 3), (6, 8)))
    assert planned.plan.accessed_type(planned.value).layout.offset == 3


def test_places_may_be_tried_before_they_are_planned() -> None:
    planned = Planned()
    other = {planned.value: ViewPlace(planned.root, part(WHOLE, (0, 0), (6, 8)))}
    assert seen(planned.plan.place_of(planned.value, other))[0, 0] == 0
    assert seen(planned.plan.place_of(planned.value))[0, 0] == 8


def test_copies_read_a_slice_of_their_source() -> None:
    planned = Planned()
    place = ViewPlace(planned.root, TensorType((6, 3), F32))
    whole = Copy(planned.value, place)
    assert planned.plan.source_of(whole) == planned.plan.place_of(planned.value)
    cut = Copy(planned.value, place, SourceSlice(planned.value, (0, 1), (1, 2)))
    np.testing.assert_array_equal(seen(planned.plan.source_of(cut)), MEMORY.reshape(6, 16)[:, 9:14:2])


def test_reshapes_are_followed_both_ways() -> None:
    planned = Planned()
    one = planned.reshape(planned.value, 48)
    two = planned.reshape(one, 2, 24)
    other = planned.reshape(planned.value, 3, 16)
    assert base_of(two) is planned.value and base_of(planned.value) is planned.value
    assert set(with_reshapes(planned.value)) == {planned.value, one, two, other}
    assert set(with_reshapes(one)) == {one, two}
