"""Facts about the values of a network, from its inputs to its outputs."""

from __future__ import annotations

import math

import numpy as np
from glassrt.compiler.precision.narrowing.facts import Fact, NumberOrigin, integers
from glassrt.compiler.precision.narrowing.forward import data_operands
from glassrt.dialects.core.dtypes import BOOL, F32, I64, U8
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Dims
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast, Where
from glassrt.dialects.graph.indexing import Gather, OneHot
from glassrt.dialects.graph.indexing import Range as RangeOp
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.reduction import ArgReduce, Reduce
from glassrt.dialects.graph.softmax import Softmax

from .narrowed import Narrowed

CONSTANT, INTEGERS, WEIGHTED, DATA = NumberOrigin


def test_a_product_of_integers_with_weights_keeps_how_many_integers_there_are() -> None:
    """One of data does not; both know how many products made them."""
    net = Narrowed()
    positions, x = net.counted(4, 1, dtype=U8), net.input("x", 4, 8)
    angles = net.add(Matmul, positions, net.table(1, 3))
    features = net.add(Matmul, x, net.table(8, 3))
    deep = net.add(Matmul, net.add(Relu, features), net.table(3, 3))
    net.finished(angles, deep)
    found = net.facts[angles]
    assert (found.origin, found.levels, found.products) == (WEIGHTED, 255, 1)
    assert (net.facts[features].origin, net.facts[features].levels) == (DATA, 0)
    assert (net.facts[features].products, net.facts[deep].products) == (1, 2)


def test_large_numbers_are_large_behind_a_product() -> None:
    net = Narrowed()
    x = net.input("x", 4, 8)
    far = net.add(Add, x, net.number(-1e9))
    masked, usual = (net.add(Matmul, v, net.table(8, 3)) for v in (far, x))
    net.finished(masked, usual)
    assert net.facts[far].peak == net.facts[masked].peak == 1e9 and net.facts[usual].peak == 0


def test_reductions_add_up_integers_and_are_statistics_of_data() -> None:
    net = Narrowed()
    count, x = net.counted(4, 16, dtype=U8), net.input("x", 4, 16)
    total, mean = (net.add(Reduce, count, kind=kind, axes=[1]) for kind in ("sum", "mean"))
    most, norm = net.add(Reduce, x, kind="max", axes=[1]), net.add(Reduce, x, kind="sum", axes=[1])
    found = net.add(ArgReduce, x, axis=1, kind="max")
    net.finished(total, mean, most, norm, found)
    assert (net.facts[total].high, net.facts[total].levels, net.facts[total].whole) == (4080, 4080, True)
    assert (net.facts[mean].high, net.facts[mean].whole) == (255, False)
    assert net.facts[norm].statistic and net.facts[most].statistic and not net.facts[total].statistic
    assert net.facts[found] == integers(0, 15)


def test_sizes_are_integers_within_the_ranges_of_their_symbols() -> None:
    net = Narrowed()
    n = net.symbol("N", 2, 8, 3000)
    size = net.add(Dims, values=(n, 7))
    net.input("x", n, 4)
    steps = net.add(RangeOp, net.const(np.int64(0)), net.const(np.int64(2)), size=n)
    net.finished(size, steps)
    assert net.facts[size] == integers(2, 3000)
    found = net.facts[steps]
    assert (found.low, found.high, found.levels, found.whole) == (0, 5998, 2999, True)


def test_what_is_put_together_keeps_the_precision_of_integers_beside_data() -> None:
    net = Narrowed()
    positions, x = net.counted(4, 8, dtype=U8), net.input("x", 4, 8)
    joined = net.add(Concat, positions, x, axis=1)
    moved = net.add(Reshape, positions, shape=[32])
    net.finished(joined, moved)
    assert (net.facts[joined].origin, net.facts[joined].levels) == (WEIGHTED, 255)
    assert net.facts[moved] == integers(0, 255)


def test_rows_of_a_table_are_data_for_the_inputs_choose_them() -> None:
    net = Narrowed()
    i = net.input("i", 4, dtype=I64)
    rows = net.add(Gather, net.table(5, 8, most=3.0), i, axis=0)
    net.finished(rows)
    assert net.facts[rows].origin is DATA and net.facts[rows].high >= 3.0 and not net.facts[rows].counted


def test_weights_are_not_looked_at_but_numbers_are() -> None:
    net = Narrowed()
    weights, numbers = net.table(8, 3, most=7.5), net.table(3, most=7.5)
    y = net.add(Add, net.add(Matmul, net.input("x", 4, 8), weights), numbers)
    net.finished(y)
    assert net.facts[weights] == Fact(CONSTANT)
    assert (net.facts[numbers].low, net.facts[numbers].high) == (-7.5, 7.5)


def test_probabilities_are_between_zero_and_one() -> None:
    net = Narrowed()
    y = net.add(Softmax, net.input("x", 4, 8), axis=1)
    scaled = net.add(Mul, y, net.number(100))
    net.finished(scaled)
    assert (net.facts[y].low, net.facts[y].high) == (0, 1)
    assert (net.facts[scaled].low, net.facts[scaled].high) == (0, 100)


def test_conditions_and_positions_are_no_numbers_of_the_result() -> None:
    net = Narrowed()
    c, i = net.input("c", 4, dtype=BOOL), net.input("i", 4, dtype=I64)
    low, high = net.number(-2), net.number(5)
    chosen = net.add(Where, c, low, high)
    values = net.const(np.array([0, 1], np.float32))
    hot = net.add(OneHot, i, values, depth=6, axis=1)
    yes = net.add(Cast, c, to=F32)
    net.finished(chosen, hot, yes)
    made = {value: value.producer for value in (chosen, hot, yes)}
    assert data_operands(made[chosen]) == [low, high] and data_operands(made[hot]) == [values]
    assert data_operands(made[yes]) == [c]
    assert (net.facts[hot].low, net.facts[hot].high) == (0, 1) and math.isfinite(net.facts[yes].high)
