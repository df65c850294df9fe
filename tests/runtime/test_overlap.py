"""Which tensors share memory, held against the addresses of all their elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.runtime.overlap import shared, writes_twice
from hypothesis import given
from hypothesis import strategies as st

MEMORY = np.zeros(64, np.int16)


def addresses(array: np.ndarray[Any, Any]) -> list[int]:
    start = array.__array_interface__["data"][0]
    places = np.zeros(array.shape, np.int64)
    for axis, stride in enumerate(array.strides):
        places += np.arange(array.shape[axis]).reshape(-1, *(1,) * (array.ndim - 1 - axis)) * stride
    return [start + place + byte for place in places.reshape(-1).tolist() for byte in range(array.itemsize)]


@st.composite
def views(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    """A slice of the memory, reshaped, broadcast or neither."""
    start = draw(st.integers(0, 40))
    step = draw(st.sampled_from([1, 2, 3, -1, -2]))
    view = MEMORY[start : start + draw(st.integers(0, 24))][::step]
    if len(view) % 2 == 0 and draw(st.booleans()):
        view = view.reshape(2, -1).T
    if draw(st.integers(0, 5)) == 0:
        view = np.broadcast_to(view, (2, *view.shape))
    return view


@given(st.lists(views(), max_size=3), st.lists(views(), max_size=3))
def test_shared_memory_is_found_exactly(
    inputs: list[np.ndarray[Any, Any]], outputs: list[np.ndarray[Any, Any]]
) -> None:
    tensors = [(f"i{n}", view) for n, view in enumerate(inputs)]
    written = [(f"o{n}", view) for n, view in enumerate(outputs)]
    pairs = {
        (name, other)
        for name, view in written
        for other, another in (*tensors, *written)
        if name != other and set(addresses(view)) & set(addresses(another))
    }
    found = shared(tensors, written)
    assert found in pairs if pairs else found is None


@given(views())
def test_elements_at_one_address_are_found(view: np.ndarray[Any, Any]) -> None:
    places = addresses(view)
    assert writes_twice(view) == (len(set(places)) != len(places))


def test_windows_that_slide_overlap() -> None:
    assert writes_twice(np.lib.stride_tricks.sliding_window_view(MEMORY, 3))
    assert not writes_twice(np.lib.stride_tricks.sliding_window_view(MEMORY, 3)[::3])
