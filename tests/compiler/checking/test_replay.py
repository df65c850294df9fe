"""Bytes of a run, read as tensors."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.checking.replay import typed
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_bytes_are_read_as_the_layout_says(n: int, c: int, h: int, w: int) -> None:
    array = np.arange(n * c * h * w, dtype=np.float32).reshape(n, c, h, w)
    memory = np.ascontiguousarray(array.transpose(0, 2, 3, 1)).reshape(-1).view(np.uint8)
    type = TensorType((n, c, h, w), F32, channels_last(4))
    np.testing.assert_array_equal(typed(memory, type, {}), array)


def test_a_strided_part_is_read_from_its_place() -> None:
    whole = np.arange(12, dtype=np.float16).reshape(3, 4)
    part = TensorType((3, 2), F16, Layout((), (4, 1), 1))
    np.testing.assert_array_equal(typed(whole.reshape(-1).view(np.uint8), part, {}), whole[:, 1:3])
    empty = TensorType((0, 2), F16)
    assert typed(np.empty(0, np.uint8), empty, {}).shape == (0, 2)
