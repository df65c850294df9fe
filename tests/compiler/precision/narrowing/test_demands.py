"""Which values must be exact, because of the ops that read them, and how far back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.precision.narrowing.demands import FEW_TERMS, WidthNeed, is_product
from glassrt.dialects.core.dtypes import F32, I32, I64
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Greater, Mod, Mul, Pow
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import BitCast, Cast
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.reduction import ArgReduce, Cumsum
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.trigonometric import Cos, Tanh
from glassrt.dialects.graph.unary import Exp, Floor, Neg

from .narrowed import Narrowed

PICKED, POSITION = WidthNeed.PICKED, WidthNeed.POSITION
Read = Callable[[Narrowed, Value], Value]

READS: dict[str, tuple[Read, WidthNeed]] = {
    "it is an argument of cos": (lambda net, x: net.add(Cos, x), POSITION),
    "it is an argument of exp": (lambda net, x: net.add(Exp, x), PICKED),
    "it is an argument of cumsum": (
        lambda net, x: net.add(Cumsum, x, axis=1),
        POSITION,
    ),
    "floor makes it a whole number": (lambda net, x: net.add(Floor, x), POSITION),
    "mod makes it a whole number": (lambda net, x: net.add(Mod, x, net.number(3)), POSITION),
    "it is an exponent of pow": (lambda net, x: net.add(Pow, net.number(2), x), PICKED),
    "its bits are read": (lambda net, x: net.add(BitCast, x, to=I32), POSITION),
    "it is cast to i64": (lambda net, x: net.add(Cast, x, to=I64), POSITION),
    "arg_reduce finds positions in it": (
        lambda net, x: net.add(ArgReduce, x, axis=1, kind="max"),
        PICKED,
    ),
    "it is compared": (lambda net, x: net.add(Greater, x, net.number(3)), PICKED),
}


@pytest.mark.parametrize("why", READS)
def test_a_reader_that_makes_much_of_small_errors_asks_for_exact_operands(why: str) -> None:
    read, need = READS[why]
    net = Narrowed()
    x = net.add(Mul, net.input("x", 4, 8), net.number(0.5))
    net.finished(read(net, x))
    demand = net.demands.values[x]
    assert (demand.why, demand.need) == (why, need)


HARMLESS: dict[str, Read] = {
    "a sum": lambda net, x: net.add(Add, x, net.number(3)),
    "an activation": lambda net, x: net.add(Tanh, x),
    "a power": lambda net, x: net.add(Pow, x, net.number(2)),
    "a softmax of usual numbers": lambda net, x: net.add(Softmax, x, axis=1),
    "a product": lambda net, x: net.add(Matmul, x, net.table(8, 3)),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_other_readers_ask_for_nothing(what: str) -> None:
    net = Narrowed()
    x = net.add(Mul, net.input("x", 4, 8), net.number(0.5))
    net.finished(HARMLESS[what](net, x))
    assert x not in net.demands.values


def test_a_softmax_of_numbers_far_from_zero_asks_for_them() -> None:
    net = Narrowed()
    x = net.add(Add, net.input("x", 4, 8), net.number(-1e4))
    net.finished(net.add(Softmax, x, axis=1))
    assert net.demands.values[x].why == "it is an argument of softmax, and of numbers far from 0"


def test_features_are_compared_with_constants_as_they_are_and_with_each_other_exactly() -> None:
    net = Narrowed()
    x = net.input("x", 4, 8)
    one, other = (net.add(Matmul, x, net.table(8, 3)) for _ in range(2))
    net.finished(net.add(Greater, one, net.number(0)), net.add(Greater, other, net.add(Neg, other)))
    assert one not in net.demands.values and net.demands.values[other].why == "it is compared"


@pytest.mark.parametrize(("terms", "exact"), [(1, True), (FEW_TERMS, True), (FEW_TERMS + 1, False)])
def test_positions_are_exact_through_one_product_of_few_terms(terms: int, exact: bool) -> None:
    """positions * inverse frequencies: all of it, back to what is multiplied."""
    net = Narrowed()
    positions = net.counted(4, terms)
    frequencies = net.table(terms, 8)
    angles = net.add(Matmul, positions, frequencies)
    net.finished(net.add(Cos, net.add(Reshape, angles, shape=[32])))
    product = angles.producer
    assert product is not None and is_product(product)
    assert net.demands.values[angles].why == "it is an argument of cos"
    assert (product in net.demands.products) == exact
    assert [value in net.demands.values for value in (positions, frequencies)] == [exact, exact]


def test_behind_a_second_product_only_the_operand_itself_is_exact() -> None:
    net = Narrowed()
    hidden = net.add(Matmul, net.input("x", 4, 8), net.table(8, 8))
    bent = net.add(Relu, net.add(Matmul, net.add(Relu, hidden), net.table(8, 8)))
    net.finished(net.add(Cos, bent))
    assert bent in net.demands.values and hidden not in net.demands.values
    assert not net.demands.products


def test_the_greater_need_of_two_readers_counts() -> None:
    net = Narrowed()
    x = net.add(Mul, net.input("x", 4, 8), net.number(0.5))
    net.finished(net.add(Exp, x), net.add(Cos, x), net.add(Exp, x))
    assert net.demands.values[x].need is POSITION


def test_a_constant_that_is_added_to_what_must_be_exact_is_exact_too() -> None:
    """Also where the other summand is a feature that stays as it is."""
    net = Narrowed()
    feature = net.add(Matmul, net.input("x", 4, 8), net.table(8, 8))
    deep = net.add(Matmul, net.add(Relu, feature), net.table(8, 8))
    offsets = net.const(np.full((8,), 0.1, np.float32))
    net.finished(net.add(Cos, net.add(Add, deep, offsets)))
    assert offsets in net.demands.values and deep not in net.demands.values


def test_whole_numbers_are_asked_for_nothing() -> None:
    net = Narrowed()
    i = net.input("i", 4, dtype=I64)
    net.finished(net.add(Cos, net.add(Cast, i, to=F32)))
    assert i not in net.demands.values
