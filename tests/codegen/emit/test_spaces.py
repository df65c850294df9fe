"""Index spaces: a linear index, its parts in C, and polynomials folded back to it."""

from __future__ import annotations

import pytest
from glassrt.codegen.emit.spaces import NameTable, fold_spaces, make_space, space_to_c
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.affine_traversal import evaluate
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.data())
def test_decoding_inverts_the_polynomial(sizes: list[int], data: st.DataObject) -> None:
    space = make_space("i", "d", list(enumerate(sizes)))
    index = [data.draw(st.integers(0, size - 1)) for size in sizes]
    linear = evaluate(space.polynomial, {f"_d{axis}": at for axis, at in enumerate(index)})
    assert space.size == evaluate(space.size, {}) and 0 <= linear < space.size
    names = NameTable({axis.symbol: axis.variable for axis in space.axes})
    for axis in space.axes:
        names[axis.symbol]
    scope = {"i": linear}
    for line in space.decode(names, "int"):
        name, _, text = line.removeprefix("const int ").removesuffix(";").partition(" = ")
        scope[name] = eval(text.replace("/", "//"), dict(scope))
    for at, axis, size in zip(index, space.axes, sizes, strict=True):
        assert size == 1 or scope[axis.variable] == at


def test_only_what_was_used_is_decoded() -> None:
    space = make_space("i", "d", [(0, symbol("S0")), (1, 3), (2, 4)])
    names = NameTable({axis.symbol: axis.variable for axis in space.axes} | {"S0": "s0"})
    assert space.decode(names, "int") == []
    names["_d1"]
    assert space.decode(names, "i64") == ["const i64 d1 = i / 4 % 3;"]
    names["_d0"]
    assert space.decode(names, "int") == ["const int d0 = i / 12;", "const int d1 = i / 4 % 3;"]


def test_an_axis_alone_is_the_linear_index() -> None:
    space = make_space("i", "d", [(0, 1), (1, 7)])
    assert [axis.variable for axis in space.axes] == ["d0", "i"]
    assert space.index((0, 1)) == {0: 0, 1: symbol("_d1")}
    assert space.ranges({}) == {"_d0": (0, 0), "_d1": (0, 6)}
    assert make_space("i", "d", [(0, symbol("N"))]).ranges({}) == {"_d0": (0, None)}


def test_polynomials_are_folded_to_the_linear_index() -> None:
    space = make_space("i", "d", [(0, 3), (1, 4)])
    names = NameTable({axis.symbol: axis.variable for axis in space.axes})
    first, second = symbol("_d0"), symbol("_d1")
    assert space_to_c(8 * first + 2 * second + 5, [space], names) == "i*2 + 5"
    assert fold_spaces(8 * first + 3 * second, [space], names) == 8 * first + 3 * second
    assert fold_spaces(first, [space], names) == first and fold_spaces(7, [space], names) == 7
    with pytest.raises(KeyError):
        names["missing"]
    assert len(names) == 3 and set(names) == {"_d0", "_d1", "_i"}
