"""Formulas: operators build the expressions that they say, and numbers take the type beside them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BOOL, F16, F32, F64, I4, I8, DType
from glassrt.dialects.core.expr import Apply, CastExpr, Const, LoadExpr, Scalars, Select
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.formula import Term, load, load_broadcast

SCALARS = Scalars()
X = Term(SCALARS, SCALARS.const(0.5, F64))


@pytest.mark.parametrize(
    ("made", "function", "operands"),
    [
        (lambda x: -x, "neg", (0.5,)),
        (lambda x: x + 2, "add", (0.5, 2)),
        (lambda x: 2 + x, "add", (2, 0.5)),
        (lambda x: x - 2, "sub", (0.5, 2)),
        (lambda x: 2 - x, "sub", (2, 0.5)),
        (lambda x: x * 2, "mul", (0.5, 2)),
        (lambda x: 2 * x, "mul", (2, 0.5)),
        (lambda x: x / 2, "div", (0.5, 2)),
        (lambda x: 2 / x, "div", (2, 0.5)),
        (lambda x: x > 2, "gt", (0.5, 2)),
        (lambda x: x < 2, "lt", (0.5, 2)),
        (lambda x: x.call("max", x.term(3)), "max", (0.5, 3)),
    ],
)
def test_operators(made: Callable[[Term], Term], function: str, operands: tuple[float, ...]) -> None:
    expr = made(X).expr
    assert isinstance(expr, Apply) and expr.function == function
    assert tuple(each.value for each in expr.operands if isinstance(each, Const)) == operands
    assert {each.dtype for each in expr.operands} == {F64}


def test_a_division_by_one_is_nothing() -> None:
    assert (X / 1) is X and (X / X.term(1.0)) is X


def test_a_choice_takes_its_type_from_either_term() -> None:
    condition = X > 0
    assert condition.dtype == BOOL
    for chosen, other in ((X, 0), (0, X)):
        made = condition.choose(chosen, other).expr
        assert isinstance(made, Select) and made.dtype == F64
        assert {made.chosen.dtype, made.other.dtype} == {F64}
    with pytest.raises(TypeError, match="no element type"):
        condition.choose(0, 1)


@pytest.mark.parametrize(("stored", "computed"), [(F16, F32), (F32, F32), (I4, I8), (F64, F64)])
def test_elements_are_loaded_in_the_type_of_their_arithmetic(stored: DType, computed: DType) -> None:
    value = Block([TensorType((1, 4), stored)]).arguments[0]
    k, i = symbol("k"), symbol("i")
    for term in (load(SCALARS, value, (0, i)), load_broadcast(SCALARS, value, (k, i))):
        inner = term.expr.operand if isinstance(term.expr, CastExpr) else term.expr
        assert term.dtype == computed and isinstance(inner, LoadExpr)
        assert inner.index == (0, i) and inner.dtype == stored
