"""Scalar expressions: what is built, what is refused, and that loop variables are fresh."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I32, I64, U8
from glassrt.dialects.core.expr import FUNCTIONS, BitCastExpr, CastExpr, IndexValue, LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType


def test_a_broadcast_load_stands_still_along_sizes_of_one() -> None:
    value = Block([TensorType((1, 4), F16)]).arguments[0]
    i, j, k = map(symbol, "ijk")
    loaded = Scalars().load_broadcast(value, (i, j, k))
    assert isinstance(loaded, LoadExpr)
    assert (loaded.source, loaded.index, loaded.dtype) == (value, (0, k), F16)


def test_functions_take_operands_of_one_type() -> None:
    scalars = Scalars()
    one, half = scalars.const(1.0), scalars.const(0.5, F16)
    assert scalars.apply("add", one, one).dtype == F32
    assert scalars.apply("lt", half, half).dtype == BOOL
    with pytest.raises(ValueError, match="add takes 2 operands of one type"):
        scalars.apply("add", one, half)
    with pytest.raises(ValueError, match="neg takes 1 operands"):
        scalars.apply("neg", one, one)
    with pytest.raises(KeyError):
        scalars.apply("gcd", one, one)
    assert FUNCTIONS["lt"].flops == 0 and FUNCTIONS["pow"].arity == 2


def test_a_cast_to_its_own_type_is_nothing() -> None:
    scalars = Scalars()
    one = scalars.const(1.0)
    assert scalars.cast(one, F32) is one and scalars.bit_cast(one, F32) is one
    assert isinstance(scalars.cast(one, I32), CastExpr)
    bits = scalars.bit_cast(one, I32)
    assert isinstance(bits, BitCastExpr) and bits.dtype == I32
    with pytest.raises(ValueError, match="f32 and u8 differ in width"):
        scalars.bit_cast(one, U8)
    assert isinstance(scalars.index_value(symbol("N")), IndexValue)
    assert isinstance(scalars.index_value(symbol("N"), F32), CastExpr)


def test_conditions_are_joined() -> None:
    scalars = Scalars()
    first, second, third = (scalars.inside(symbol("i"), 0, size) for size in (1, 2, 3))
    assert scalars.every([]) is None and scalars.every([first]) is first
    joined = scalars.every([first, second, third])
    assert joined is not None and joined.dtype == BOOL
    assert joined.operands[1] is third and joined.operands[0].operands == (first, second)


def test_loop_variables_are_fresh_and_apart_from_the_models() -> None:
    scalars = Scalars()
    seen: list[object] = []

    def body(at: tuple[object, ...]) -> object:
        seen.extend(at)
        return scalars.const(1.0, F16)

    total = scalars.reduce("sum", (4, symbol("N")), body, signed_zero=True)
    first = scalars.reduce("argmax", (4,), body)
    chosen = scalars.let_index(first, lambda at: scalars.cast(scalars.index_value(at), F32))
    names = [name for name, _ in (*total.variables, *first.variables)] + [chosen.name]
    assert seen == [symbol(name) for name in names[:3]] and len(set(names)) == 4
    assert all(name.startswith("_") for name in names)
    assert [extent for _, extent in total.variables] == [4, symbol("N")]
    assert (total.dtype, first.dtype, chosen.dtype) == (F16, I64, F32)
    assert total.signed_zero and not first.signed_zero


def test_what_is_shared_is_built_once() -> None:
    scalars, built = Scalars(), []
    for key in ("a", "b", "a"):
        scalars.shared(key, lambda: built.append(1) or len(built))
    assert len(built) == 2 and scalars.shared("b", lambda: 0) == 2
