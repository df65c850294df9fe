"""Leading dimensions that are split into finer ones, of values that broadcast to them."""

from __future__ import annotations

from typing import cast

import pytest
from glassrt.compiler.patterns.rewrite import Rewriter
from glassrt.compiler.simplify.leading import Leading
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.testing.net import Net

B = symbol("B")


class Appending:
    """Puts ops where the net ends."""

    def __init__(self, net: Net) -> None:
        self.insert = net.function.block.append


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ((8 * B, 6), (8, B, 3, 2)),
        ((1, 6), (3, 2)),
        ((8 * B, 1), (8, B, 1, 1)),
        ((6,), (3, 2)),
        ((1, 1), (1, 1)),
        ((), ()),
    ],
)
def test_windows_and_groups(own: tuple[Dim, ...], wanted: tuple[Dim, ...]) -> None:
    net = Net()
    leading = Leading.of((8 * B, 6), (8, B, 3, 2))
    assert leading is not None and not leading.is_same
    value = net.input("x", *own, 5, 4)
    assert leading.split(value, cast("Rewriter", Appending(net))).type.shape == (*wanted, 5, 4)


def test_what_is_not_split() -> None:
    same = Leading.of((2, 3), (2, 3))
    assert same is not None and same.is_same
    assert Leading.of((2, 6), (4, 3)) is None
