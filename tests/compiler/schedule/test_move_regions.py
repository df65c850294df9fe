"""Regions of added launches, interpreted."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.schedule.move_regions import copying, filling
from glassrt.dialects.core.dtypes import F16, F32, I64
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.core.ir import Region
from glassrt.dialects.core.location import UNKNOWN
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, TensorType, channels_last
from glassrt.dialects.graph.constants import constant


@pytest.mark.parametrize("further", [(), (TensorType((), I64),)])
def test_a_copy_is_row_major_and_reads_its_first_argument(further: tuple[TensorType, ...]) -> None:
    type = TensorType((1, 4, 2, 2), F32, channels_last(4))
    block = copying(type, *further)
    assert [argument.type for argument in block.arguments] == [type, *further]
    assert list(block)[-1].inputs[0].type == type.with_layout(ROW_MAJOR)
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 2, 2)
    (copied,) = Evaluation(Module(), {}).run_region(Region(block), [x, *[np.int64(7)] * len(further)])
    np.testing.assert_array_equal(copied, x)


def test_a_filled_tensor_has_the_value_everywhere() -> None:
    module = Module()
    block = filling(constant(module, np.float16(2), UNKNOWN), TensorType((2, 3), F16))
    (filled,) = Evaluation(module, {}).run_region(Region(block), [])
    np.testing.assert_array_equal(filled, np.full((2, 3), 2, np.float16))
