"""Views at places that depend on symbols, and views that overlap themselves, with one change each.

The nets join tensors of several symbolic sizes and take the parts out again, so that parts begin at
sums of sizes and rows are as long as such a sum. A change that gives a wrong answer for any sizes in
the ranges must be found, and told with its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from glassrt.compiler.fusion.vertical.consumers import CONSUMER_RULES
from glassrt.compiler.fusion.vertical.producers import PRODUCER_RULES
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.dialects.core.affine import Dim, evaluate, symbol, total
from glassrt.dialects.core.ir import Module, Value
from glassrt.dialects.core.types import Layout
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.unary import Abs, Neg, Sigmoid
from glassrt.dialects.launch import Kernel, View
from glassrt.testing.net import Net
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn

from ....property.concat_graphs import lowered
from .mutating import (
    Array,
    agrees,
    allowed_order,
    arena,
    copy,
    is_located,
    is_written,
    of,
    pick,
    reordered,
    retype,
)

UNARY = (Relu, Neg, Abs, Sigmoid)
RANGES = {"N": (0, 2, 3), "M": (1, 3, 4)}
# Every op in a launch of its own, so that there are parts to be written and read.
APART = frozenset({GROUP_LAUNCHES, *CONSUMER_RULES, *PRODUCER_RULES})


@st.composite
def joins(draw: DrawFn) -> Module:
    """Parts of N, of M and of fixed sizes joined along one axis; one or more of them taken out again."""
    net = Net(seed=draw(st.integers(0, 9)))
    axis, inputs = _inputs(draw, net)
    chosen = draw(st.lists(st.sampled_from(inputs), min_size=2, max_size=4))
    parts = [net.add(draw(st.sampled_from(UNARY)), x) for x in chosen]
    joined = net.add(Concat, *parts, axis=axis)
    ends = [_some(draw, net, joined, parts, axis) for _ in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        ends.append(net.add(draw(st.sampled_from(UNARY)), joined))
    used = [net.add(Neg, x) for x in inputs if not x.uses]  # every symbol has a place in the module
    return net.done(*ends, *used)


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


def _inputs(draw: DrawFn, net: Net) -> tuple[int, list[Value]]:
    """An axis, and inputs of N, of M and of a fixed size along it."""
    axis = draw(st.sampled_from([0, 1, 2]))
    sizes: list[Dim] = [net.symbol(name, *RANGES[name]) for name in RANGES] + [2]
    return axis, [net.input(f"x{i}", *_with((3, 2, 4), axis, size)) for i, size in enumerate(sizes)]


def _with(shape: tuple[int, ...], axis: int, size: Dim) -> tuple[Dim, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _some(draw: DrawFn, net: Net, joined: Value, parts: list[Value], axis: int) -> Value:
    """What is computed from some neighbouring PARTS of JOINED, read where they lie."""
    first = draw(st.integers(0, len(parts) - 1))
    last = draw(st.integers(first, len(parts) - 1))
    return _between(draw, net, joined, parts, axis, first, last)


def _between(
    draw: DrawFn, net: Net, joined: Value, parts: list[Value], axis: int, first: int, last: int
) -> Value:
    """What is computed from the PARTS of JOINED from FIRST to LAST."""
    sizes = [part.type.shape[axis] for part in parts]
    starts = _with((0, 0, 0), axis, total(sizes[:first]))
    shape = list(joined.type.shape)
    shape[axis] = total(sizes[first : last + 1])
    cut = net.add(Slice, joined, starts=list(starts), sizes=shape)
    return net.add(draw(st.sampled_from(UNARY)), cut)


def everywhere(module: Module) -> Iterator[dict[str, Array]]:
    """Inputs of MODULE for all sizes in the ranges of its symbols."""
    names = list(module.symbols)
    ranges = [range(module.symbols[n].minimum, module.symbols[n].maximum + 1) for n in names]
    for values in product(*ranges):
        at = dict(zip(names, values, strict=True))
        random = np.random.default_rng(list(values))
        yield {
            name: random.standard_normal([evaluate(dim, at) for dim in argument.type.shape]).astype(
                np.float32
            )
            for name, argument in zip(module.main.inputs, module.main.arguments, strict=True)
        }


def holds(good: Module, bad: Module, orders: tuple[Module, ...] = ()) -> None:
    """Assert that BAD is flagged, with the place, if it answers other than GOOD for any sizes."""
    if not is_located(bad):
        for inputs in everywhere(good):
            agrees(good, [bad, *orders], inputs)


def shifts(draw: DataObject, unit: Dim) -> Dim:
    """By how much a place is changed: by numbers, by sizes, or by multiples of both and of UNIT."""
    size = draw.draw(st.sampled_from([1, symbol("N"), symbol("M"), symbol("N") - symbol("M")]))
    return size * draw.draw(st.sampled_from([1, -1, 2])) * draw.draw(st.sampled_from([1, 4, unit]))


def written(module: Module) -> list[View]:
    """The views through which kernels write parts of a buffer."""
    return [view for view in of(module, View) if is_written(view.result)]


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
@settings(max_examples=40)
def test_a_part_at_another_symbolic_offset(module: Module, data: DataObject) -> None:
    good, _ = lowered(module, disabled=APART)
    bad = copy(good)
    view = pick(data, written(bad))
    others = [other.offset for other in of(bad, View) if other is not view]
    moved = view.offset + shifts(data, view.result.type.strides[0])
    view.offset = data.draw(st.sampled_from([moved, *others]))
    holds(good, bad)


@given(joins(), st.data())
@settings(max_examples=30)
def test_rows_of_another_symbolic_length(module: Module, data: DataObject) -> None:
    """Strides that are right for some sizes only."""
    good, _ = lowered(module, disabled=APART)
    bad = copy(good)
    view = pick(data, written(bad))
    type = view.result.type
    axis = data.draw(st.integers(0, type.rank - 1))
    strides = list(type.strides)
    strides[axis] = strides[axis] + shifts(data, 1)
    assume(all(evaluate(s, dict.fromkeys(RANGES, 4)) > 0 for s in strides))
    retype(view.result, type.with_layout(Layout((), tuple(strides), type.layout.offset)))
    holds(good, bad)


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


@given(joins(), st.data())
@settings(max_examples=30)
def test_a_buffer_of_another_symbolic_size(module: Module, data: DataObject) -> None:
    good, _ = lowered(module, disabled=APART)
    bad = copy(good)
    buffer = pick(data, arena(bad))
    if data.draw(st.booleans()):
        buffer.offset = max(0, buffer.offset + data.draw(st.sampled_from([-256, 256, 16, 64])))
    else:
        buffer.bytes = buffer.bytes + shifts(data, 8)
        assume(all(evaluate(buffer.bytes, dict.fromkeys(RANGES, n)) > 0 for n in (1, 3)))
    holds(good, bad)


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
