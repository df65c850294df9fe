"""Views by strides hold the elements that the ops hold, or are refused."""

from __future__ import annotations

import math

import numpy as np
from glassrt.codegen.emit.strided import Strided, reshaped
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from hypothesis import given
from hypothesis import strategies as st

N = symbol("N")


def factorizations(draw: st.DrawFn, number: int) -> list[int]:
    parts = []
    while number > 1 and len(parts) < 4:
        part = draw(st.sampled_from([d for d in range(1, number + 1) if number % d == 0]))
        parts.append(part)
        number //= part
    return [*parts, number] if number > 1 or not parts else parts


@given(data=st.data())
def test_a_reshape_keeps_every_element(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=4))
    memory = np.arange(math.prod(shape))
    perm = data.draw(st.permutations(range(len(shape))))
    array = memory.reshape(shape).transpose(perm)
    steps = [stride // memory.itemsize for stride in array.strides]
    wanted = data.draw(st.composite(factorizations)(array.size))
    found = reshaped(Strided(array.shape, tuple(steps)), tuple(wanted))
    if found is None:
        assert np.shares_memory(array.reshape(wanted), memory) is False
    else:
        strides = [int(str(step)) * memory.itemsize for step in found.strides]
        seen = np.lib.stride_tricks.as_strided(memory, wanted, strides)
        assert np.array_equal(seen, array.reshape(wanted))


def test_heads_are_split_and_merged_with_symbols() -> None:
    block = Block([TensorType((N, 5, 24), F32)])
    split = block.append(Reshape(block.arguments[0], shape=[N, 5, 3, 8]))
    turned = block.append(Transpose(split.result, perm=[0, 2, 1, 3]))
    view = Strided((N, 5, 24), (120, 24, 1)).through(split)
    assert view == Strided((N, 5, 3, 8), (120, 24, 8, 1))
    assert view.through(turned) == Strided((N, 3, 5, 8), (120, 8, 24, 1))
    assert Strided((N, 3, 5, 8), (120, 40, 8, 1)).behind(turned) == Strided((N, 5, 3, 8), (120, 8, 40, 1))
    assert reshaped(Strided((N, 3, 5, 8), (120, 8, 24, 1)), (N, 3, 40)) is None
