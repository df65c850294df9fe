"""Lower triangles, however they are made; and what is nearly one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.patterns.triangles import is_triangle, is_triangle_of
from glassrt.dialects.core.dtypes import BOOL
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.binary import Greater, GreaterEqual, Less, LessEqual
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Range
from glassrt.dialects.graph.movement.expand import Expand
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.movement.trilu import Trilu
from glassrt.dialects.graph.unary import Not
from glassrt.testing.net import Net

SIZE = 4


def counted(net: Net, start: int = 0) -> tuple[Value, Value]:
    """Positions from START on as a row and as a column."""
    at = net.add(Range, net.const(np.int64(start)), net.const(np.int64(1)), size=SIZE)
    return net.add(Reshape, at, shape=[1, SIZE]), net.add(Reshape, at, shape=[SIZE, 1])


def compared(kind: type, turned: bool, start: int = 0) -> Callable[[Net], Value]:
    def make(net: Net) -> Value:
        row, column = counted(net, start)
        return net.add(kind, *((column, row) if turned else (row, column)))

    return make


def cut(upper: bool, k: int, number: int = 1) -> Callable[[Net], Value]:
    def make(net: Net) -> Value:
        full = net.add(Expand, net.const(np.int64(number)), shape=[SIZE, SIZE])
        return net.add(Cast, net.add(Trilu, full, upper=upper, k=k), to=BOOL)

    return make


TRIANGLES = {
    "columns at most rows": compared(LessEqual, False),
    "rows at least columns": compared(GreaterEqual, True),
    "cut from ones": cut(False, 0),
    "a constant": lambda net: net.const(np.tri(SIZE, dtype=np.bool_)),
    "with leading dimensions": lambda net: net.add(
        Expand, net.add(Reshape, cut(False, 0)(net), shape=[1, 1, SIZE, SIZE]), shape=[2, 3, SIZE, SIZE]
    ),
}
INVERSES = {
    "columns behind rows": compared(Greater, False),
    "rows before columns": compared(Less, True),
    "the rest of ones": cut(True, 1),
}
OTHERS = {
    "rows at most columns": compared(LessEqual, True),
    "columns before rows": compared(Less, False),
    "positions that start later are equal, but not known to be": compared(LessEqual, False, 1),
    "another diagonal": cut(False, 1),
    "zeros": cut(False, 0, 0),
    "all": lambda net: net.const(np.ones((SIZE, SIZE), np.bool_)),
    "an input": lambda net: net.input("x", SIZE, SIZE, dtype=BOOL),
}


@pytest.mark.parametrize("name", [*TRIANGLES, *INVERSES, *OTHERS])
def test_triangles(name: str) -> None:
    net = Net()
    value = {**TRIANGLES, **INVERSES, **OTHERS}[name](net)
    assert is_triangle(value, net.module) == (name in TRIANGLES)
    assert is_triangle(value, net.module, inverted=True) == (name in INVERSES)
    assert is_triangle(net.add(Not, value), net.module) == (name in INVERSES)


def test_arrays() -> None:
    assert is_triangle_of(np.tri(2, 5)) and is_triangle_of(np.tri(3)[None])
    assert not is_triangle_of(np.ones(3)) and not is_triangle_of(np.ones((2, 3, 3)) * np.tri(3))
