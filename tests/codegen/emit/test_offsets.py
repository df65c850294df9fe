"""Offsets of elements: where numpy has them."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.emit.offsets import linear_offset
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.types import Layout, TensorType, channels_last


def test_offsets_are_those_of_the_memory_order() -> None:
    type = TensorType((2, 3, 4, 5), F32, channels_last(4))
    memory = np.arange(120).reshape(2, 4, 5, 3).transpose(0, 3, 1, 2)
    for index in np.ndindex(2, 3, 4, 5):
        assert linear_offset(type, index) == memory[index]


def test_views_begin_at_their_offset() -> None:
    view = TensorType((2, 3), F32, Layout(strides=(symbol("N"), 2), offset=7))
    assert linear_offset(view, (1, symbol("i"))) == symbol("N") + 2 * symbol("i") + 7
    with pytest.raises(ValueError, match="longer"):
        linear_offset(view, (1,))
