"""Reshape and Transpose: definitions against numpy, and sizes that do not fit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, numbered
from glassrt.testing.strategies import shapes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn


@st.composite
def factored(draw: DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes with the same number of elements."""

    def grouped() -> tuple[int, ...]:
        cuts = sorted(draw(st.lists(st.integers(0, len(primes)), max_size=3)))
        edges = [0, *cuts, len(primes)]
        return tuple(int(np.prod(primes[a:b])) for a, b in itertools.pairwise(edges))

    primes = draw(st.lists(st.sampled_from([2, 2, 3, 5]), max_size=5))
    first = grouped()
    primes = draw(st.permutations(primes))
    return first, grouped()


@given(factored())
def test_reshape_definition_is_numpy(pair: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    check_op(Reshape, [numbered(pair[0])], shape=pair[1])


N, C = symbol("N"), symbol("C")


def test_empty_tensors_reshape() -> None:
    check_op(Reshape, [np.zeros((0, 3), np.float32)], shape=[5, 0, 2])


def test_element_counts_that_surely_differ() -> None:
    block = Block()
    with pytest.raises(IRError, match="element count"):
        Reshape(block.add_argument(TensorType((2, 6), F32)), shape=[2, 7])
    x = block.add_argument(TensorType((N, 6), F32))
    with pytest.raises(IRError, match="negative"):
        Reshape(x, shape=[N, -6])
    assert Reshape(x, shape=[2 * N, 3]).y.type.shape == (2 * N, 3)
    for shape in ([C, 6], [N, 7]):  # equal where C is N, and where N is 0: asked by needs
        reshaped = Reshape(x, shape=shape)
        assert [need.relation for need in reshaped.needs()] == ["=="]


@given(st.data())
def test_transpose_definition_is_numpy(data: DataObject) -> None:
    shape = data.draw(shapes(most=4))
    perm = data.draw(st.permutations(range(len(shape))))
    check_op(Transpose, [numbered(shape)], symbolic=data.draw(st.booleans()), perm=perm)


@pytest.mark.parametrize("perm", [[0, 0], [1], [0, 2]])
def test_a_perm_orders_all_dimensions(perm: list[int]) -> None:
    with pytest.raises(IRError, match="does not order 2 dimensions"):
        build(Transpose, [numbered((2, 3))], perm=perm)
