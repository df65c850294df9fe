"""Digits of indices: what chains of movement make of them, and which chains they cannot express."""

from __future__ import annotations

import pytest
from glassrt.compiler.patterns.arrangement import Rearrangement, moves_into, paths_from
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.unary import Abs
from glassrt.testing.net import Net


def test_heads_that_are_merged_with_the_batch_and_split_again_are_only_turned() -> None:
    batch = symbol("B")
    found = Rearrangement((5, batch, 12))
    assert found.reshape((5, 3 * batch, 4))
    found.permute((1, 0, 2))
    assert found.reshape((batch, 3, 5, 4))
    assert [[digit.size for digit in dim] for dim in found.dims] == [[batch], [3], [5], [4]]
    assert [[digit.size for digit in axis] for axis in found.axes] == [[5], [batch], [3, 4]]
    assert not found.in_order and found.is_strided and found.is_whole


def test_turned_twice_is_in_order() -> None:
    found = Rearrangement((2, 6))
    found.permute((1, 0))
    assert found.reshape((3, 2, 2)) and not found.in_order
    found.permute((2, 0, 1))
    assert found.in_order


def test_dimensions_of_one_value_are_anywhere() -> None:
    found = Rearrangement((1, 4, 3))
    found.permute((1, 0, 2))
    assert found.in_order and found.reshape((4, 1, 1, 3)) and found.shape == (4, 1, 1, 3)


def test_dimensions_that_are_not_adjacent_have_no_one_stride() -> None:
    found = Rearrangement((2, 3, 4))
    found.permute((0, 2, 1))
    assert found.is_strided and found.reshape((2, 12)) and not found.is_strided


@pytest.mark.parametrize("shape", [(4, 6), (8, 3)])
def test_a_digit_that_would_be_cut_across(shape: tuple[int, ...]) -> None:
    found = Rearrangement((2, 6, 2))
    found.permute((1, 0, 2))
    assert found.reshape(shape) == (shape == (6, 4))


def test_sizes_that_are_not_known_to_divide() -> None:
    assert not Rearrangement((symbol("B"), 6)).reshape((6, symbol("B")))
    assert not Rearrangement((0, 6)).reshape((6, 0))


@pytest.mark.parametrize(
    ("start", "size", "digits"),
    [
        (4, 4, [(1, 1), (0, 4)]),  # one row
        (0, 8, [(0, 2), (0, 4)]),  # two rows
        (5, 2, [(1, 1), (1, 2)]),  # a part of one
        (3, 2, None),  # parts of two
    ],
)
def test_slices_of_joined_dimensions(start: int, size: int, digits: list[tuple[int, int]] | None) -> None:
    net = Net()
    x = net.input("x", 3, 4)
    flat = net.add(Reshape, x, shape=[12])
    part = net.add(Slice, flat, starts=[start], sizes=[size])
    ops = [value.producer for value in (flat, part) if value.producer is not None]
    found = Rearrangement.through(x.type.shape, ops)
    assert (found is None) == (digits is None)
    if found is not None:
        assert [(digit.start, digit.size) for axis in found.axes for digit in axis] == digits


def test_chains_end_where_others_read() -> None:
    net = Net()
    x = net.input("x", 3, 4)
    turned = net.add(Transpose, x, perm=[1, 0])
    flat = net.add(Reshape, turned, shape=[12])
    assert moves_into(flat) == (x, [turned.producer, flat.producer])
    net.add(Abs, turned)
    assert moves_into(flat) == (turned, [flat.producer])
    net.add(Abs, flat)
    assert list(paths_from(turned)) == [[], [flat.producer]]
