"""Loop kernels against the interpreter."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.loop import neighbours
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.types import TensorType, channels_last

from .checked_kernels import DEVICES, LOOPS, check


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LOOPS)
def test_loop_kernels_agree_with_the_interpreter(name, device):
    body, inputs, outputs = LOOPS[name]
    check(body, inputs, outputs, "loop", device)


def test_neighbours_are_found_before_axes_of_one_element():
    assert neighbours(TensorType((3, 64, 1, 1), F16)) == 64
    assert neighbours(TensorType((3, 64, 5, 1), F16, channels_last(4))) == 64
    assert neighbours(TensorType((1, 1), F16)) == neighbours(TensorType((), F16)) == 1
