"""Views at places that depend on symbols, and views that overlap themselves, with one change each.

The nets join tensors of several symbolic sizes and take the parts out again, so that parts begin at
sums of sizes and rows are as long as such a sum. A change that gives a wrong answer for any sizes in
the ranges must be found, and told with its place.
"""

from __future__ import annotations

from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import Layout
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.unary import Abs, Neg, Sigmoid
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import View
from glassrt.testing.net import Net
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn

from ....property.concat_graphs import lowered
from .mutating import (
    allowed_order,
    copy,
    is_located,
    is_written,
    of,
    pick,
    reordered,
    retype,
)
from .symbolic import APART, RANGES, UNARY, _between, _inputs, holds, joins, written


@st.composite
def parted_joins(draw: DrawFn) -> Module:
    """Parts of N, of M and of a fixed size joined along one axis; two neighbours are read where they lie."""
    net = Net(seed=draw(st.integers(0, 9)))
    axis, inputs = _inputs(draw, net)
    parts = [net.add(draw(st.sampled_from(UNARY)), x) for x in draw(st.permutations(inputs))]
    joined = net.add(Concat, *parts, axis=axis)
    first = draw(st.sampled_from([0, 1]))
    ends = [_between(draw, net, joined, parts, axis, first, first + 1)]
    return net.done(*ends, net.add(draw(st.sampled_from(UNARY)), joined))


def test_parts_lie_at_symbolic_offsets() -> None:
    """What the tests below change is there."""
    net = Net()
    n, m = (net.symbol(name, *RANGES[name]) for name in RANGES)
    x, y = net.input("x", n, 2, 4), net.input("y", m, 2, 4)
    joined = net.add(Concat, net.add(Relu, x), net.add(Neg, y), axis=0)
    cut = net.add(Slice, joined, starts=[n, 0, 0], sizes=[m, 2, 4])
    good, _ = lowered(net.done(net.add(Abs, cut), net.add(Sigmoid, joined)), disabled=APART)
    assert {str(view.offset) for view in written(good)} == {"0", "8*N"}


@given(joins(), st.sampled_from([1, 3]))
@settings(max_examples=20)
def test_symbolic_parts_are_sound(module: Module, streams: int) -> None:
    good, _ = lowered(module, streams=streams, disabled=APART)
    assert list(faults(copy(good))) == []


@given(joins(), st.data())
@settings(max_examples=30)
def test_a_part_that_overlaps_itself(module: Module, data: DataObject) -> None:
    """Found whatever it computes: several elements of what is written lie at one place."""
    bad = copy(lowered(module, disabled=APART)[0])
    view = pick(data, written(bad))
    type = view.result.type
    axes = [axis for axis, size in enumerate(type.shape) if size != 1]
    axis = data.draw(st.sampled_from(axes))
    narrower = [type.strides[other] for other in axes if other > axis]
    strides = list(type.strides)
    strides[axis] = data.draw(st.sampled_from([0, *narrower]))
    retype(view.result, type.with_layout(Layout((), tuple(strides), type.layout.offset)))
    assert is_located(bad)


@given(parted_joins(), st.data())
@settings(max_examples=20)
def test_a_part_that_is_read_over_and_over_is_no_fault(module: Module, data: DataObject) -> None:
    """Elements may be read more than once, as a broadcast does, where all of them were written."""
    good, _ = lowered(module, disabled=APART)
    bad = copy(good)
    view = pick(data, [view for view in of(bad, View) if not is_written(view.result)])
    assume(all(isinstance(user, Kernel) for user in view.result.users))
    type = view.result.type
    strides = list(type.strides)
    strides[data.draw(st.integers(0, type.rank - 1))] = 0
    retype(view.result, type.with_layout(Layout((), tuple(strides), type.layout.offset)))
    assert list(faults(bad)) == []


@given(joins(), st.integers(2, 4), st.data())
@settings(max_examples=30)
def test_order_and_waits_of_symbolic_parts(module: Module, streams: int, data: DataObject) -> None:
    good, _ = lowered(module, streams=streams, disabled=APART)
    bad = copy(good)
    kernels = of(bad, Kernel)
    for kernel in kernels:
        if kernel.waits and data.draw(st.booleans()):
            kernel.waits = data.draw(st.lists(st.sampled_from(kernel.waits), unique=True))
        if data.draw(st.integers(0, 3)) == 0:
            kernel.stream = data.draw(st.integers(0, streams - 1))
    holds(good, bad, tuple(allowed_order(copy(bad), data) for _ in range(2)))


@given(joins(), st.data())
@settings(max_examples=20)
def test_launches_on_symbolic_parts_in_another_order(module: Module, data: DataObject) -> None:
    good, _ = lowered(module, disabled=APART)
    bad = copy(good)
    order = data.draw(st.permutations(of(bad, Kernel)))
    holds(good, reordered(bad, order))
