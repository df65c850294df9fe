"""Counts as data, and masks: what they are for values of the counts, by the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.counts import count_of_data, cut_to
from glassrt.compiler.frontend.masks import Masks
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.interpreter import Evaluation, run_block
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.sizes.sizes import Sizes
from glassrt.dialects.core.types import TensorType

from .test_counts import builder_of

N = symbol("N")


def made(kind: str, sizes: Sizes, size: Dim) -> Dim:
    """A size of this KIND, computed from a counted SIZE."""
    few = sizes.derive("min", size, 2)
    return {
        "itself": size,
        "sum": 2 * size + N + 3,
        "square": 3 * size * size,
        "quotient": floordiv(size + 1, 2),
        "min": few,
        "max": sizes.derive("max", size, 2),
        "select": sizes.derive("select", size - 2, 7, size),
        "of a derived one": 5 * few + size,
    }[kind]


WANTED = {
    "itself": [0, 1, 4],
    "sum": [11, 13, 19],
    "square": [0, 3, 48],
    "quotient": [0, 1, 2],
    "min": [0, 1, 2],
    "max": [2, 2, 4],
    "select": [0, 1, 7],
    "of a derived one": [0, 6, 14],
}


@pytest.mark.parametrize("kind", WANTED)
def test_a_size_as_data(kind: str) -> None:
    builder, [x] = builder_of(TensorType((), I64))
    size = made(kind, builder.sizes_known, count_of_data(builder, x, 6))
    end = builder.block.append(Return(builder.value(x)))
    end.set_operand(0, Masks(builder, end).count(size))
    for number, wanted in zip((0, 1, 4), WANTED[kind], strict=True):
        [found] = run_block(builder.block, [np.array(number)], Evaluation(builder.module, {"N": 8}))
        assert found.tolist() == wanted


@pytest.mark.parametrize("fill", [0.0, float("nan")])
def test_what_is_only_memory_is_filled(fill: float) -> None:
    builder, [x, count] = builder_of(TensorType((2, 3), F32), TensorType((), I64))
    part = builder.value(cut_to(builder, x, 1, count_of_data(builder, count, 3)))
    end = builder.block.append(Return(part))
    masks = Masks(builder, end)
    assert masks.counted_axes(part) == [1]
    assert masks.filled(part, 0, fill) is part
    filled: Value = masks.filled(part, 1, fill)
    assert filled.type == part.type
    end.set_operand(0, filled)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    # In memory there are all elements, whatever is counted.
    name = str(part.type.shape[1])
    for number in (0, 2, 3):
        evaluation = Evaluation(builder.module, {name: 3})
        [found] = run_block(builder.block, [values, np.array(number)], evaluation)
        np.testing.assert_array_equal(found[:, :number], values[:, :number])
        np.testing.assert_array_equal(found[:, number:], np.full((2, 3 - number), fill, np.float32))
