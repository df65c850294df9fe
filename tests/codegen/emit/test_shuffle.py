"""Shuffles of channels: recognized by their three ops, and indices that move as the elements do."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.emit.shuffle import Shuffle
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose

N = symbol("N")


def shuffled(outer: int = 2, inner: int = 3, perm=(0, 2, 1, 3, 4), shape=None, parts=None) -> Value:
    block = Block([TensorType((N, 6, 4, 5), F32)])
    split = block.append(Reshape(block.arguments[0], shape=parts or [N, outer, inner, 4, 5]))
    turn = block.append(Transpose(split.result, perm=list(perm)))
    return block.append(Reshape(turn.result, shape=shape or [N, 6, 4, 5])).result


@pytest.mark.parametrize(("outer", "inner"), [(2, 3), (3, 2), (1, 6)])
def test_elements_move_as_numpy_moves_them(outer: int, inner: int) -> None:
    found = Shuffle.of(shuffled(outer, inner))
    assert found is not None and (found.outer, found.inner) == (outer, inner)
    moved = np.arange(6).reshape(outer, inner).T.reshape(6)
    for channel in range(6):
        _, place, *rest = found.moved((0, channel, 2, 3))
        assert moved[place] == channel and rest == [2, 3]
    assert found.result.type.shape == found.source.type.shape and len(found.ops) == 3


def test_what_is_no_shuffle() -> None:
    assert Shuffle.of(shuffled(perm=(0, 2, 1, 4, 3))) is None
    assert Shuffle.of(shuffled(shape=[N, 3, 8, 5])) is None
    assert Shuffle.of(shuffled(parts=[N, 6, 2, 2, 5])) is None
    assert Shuffle.of(Block([TensorType((4,), F32)]).arguments[0]) is None
