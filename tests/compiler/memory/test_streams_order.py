"""Waits are enough and none is idle; buffers in use at the same time are apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.memory.launch_accesses import root_of
from glassrt.compiler.memory.plan import ALIGNMENT, Lifetime, place
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.memory.streams_order import Ordered, dependences, ordered
from glassrt.compiler.memory.streams_plan import Use, place_concurrent, place_in_order
from glassrt.compiler.schedule.reorder import reorder
from glassrt.compiler.schedule.streams.schedule import Task, schedule
from glassrt.dialects.core.affine import evaluate
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Module, Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement import Concat
from glassrt.dialects.launch import Buffer, Kernel
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ...growth import assert_growth
from ...property.concat_graphs import concat_nets, lowered
from ...property.graphs import Net
from .proofs.launch_text import LaunchText

Case = tuple[list[set[int]], list[int]]


@st.composite
def cases(draw: DrawFn) -> Case:
    """What each launch needs, and a stream for each."""
    count = draw(st.integers(1, 14))
    needs = [
        set(draw(st.lists(st.integers(0, i - 1), max_size=4))) if i else set[int]() for i in range(count)
    ]
    return needs, draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))


def ended(order: Ordered) -> list[set[int]]:
    """What has ended before each launch, by walking streams and waits."""
    result: list[set[int]] = []
    latest: dict[int, int] = {}
    for index, (stream, waits) in enumerate(zip(order.streams, order.waits, strict=True)):
        direct = {*waits, *([latest[stream]] if stream in latest else [])}
        result.append(direct.union(*(result[other] for other in direct)))
        latest[stream] = index
    return result


def elements(value: Value, sizes: dict[str, int]) -> set[int]:
    """The elements of its buffer that VALUE shows."""
    type = value.type
    found = np.asarray(evaluate(root_of(value)[1] + type.layout.offset, sizes))
    for size, stride in zip(type.shape, type.strides, strict=True):
        found = found[..., None] + np.arange(evaluate(size, sizes)) * evaluate(stride, sizes)
    return set(found.ravel().tolist())


def clashes(module: Module, sizes: dict[str, int]) -> set[tuple[int, int]]:
    """Pairs of launches of which one writes an element that the other touches, by going through them."""
    touched: list[list[tuple[Value, set[int], bool]]] = []
    for op in module.main.block:
        if isinstance(op, Kernel):
            reads = len(op.reads)
            touched.append([(root_of(v)[0], elements(v, sizes), i >= reads) for i, v in enumerate(op.inputs)])
    return {
        (first, second)
        for second, after in enumerate(touched)
        for first, before in enumerate(touched[:second])
        if any(
            root is other and (writes or wrote) and here & there
            for root, here, writes in after
            for other, there, wrote in before
        )
    }


@settings(max_examples=25)
@given(concat_nets(joined=True))
def test_launches_that_share_an_element_depend_on_each_other(module: Module) -> None:
    launch, _ = lowered(module)
    needs = dependences(launch.main, launch.ranges)
    found = {(first, second) for second, wanted in enumerate(needs) for first in wanted}
    for which in ("minimum", "optimum", "maximum"):
        assert clashes(launch, launch.values_at(which)) <= found


def test_parts_of_a_concat_do_not_depend_on_each_other() -> None:
    net = Net()
    x = net.input("x", 2, 8, 4, 4)
    parts = [net.conv(x, channels, size) for channels, size in ((8, 1), (4, 3), (12, 5), (8, 7))]
    launch, _ = lowered(net.done(net.conv(net.add(Concat, *parts, axis=1), 4)))
    needs = dependences(launch.main, launch.ranges)
    found = {(first, second) for second, wanted in enumerate(needs) for first in wanted}
    assert found == clashes(launch, {})


@given(cases())
def test_waits_give_every_launch_what_it_needs(case: Case) -> None:
    needs, streams = case
    order = ordered(needs, streams)
    for index, known in enumerate(ended(order)):
        assert needs[index] <= known
        last = [max((n for n in known if streams[n] == s), default=-1) for s in range(1 + max(streams))]
        assert list(order.clocks[index]) == last
        assert all(streams[wait] != streams[index] and wait in needs[index] for wait in order.waits[index])


@given(cases())
def test_no_wait_could_be_left_out(case: Case) -> None:
    needs, streams = case
    order = ordered(needs, streams)
    for index, waits in enumerate(order.waits):
        for wait in waits:
            fewer = [tuple(w for w in ws if (i, w) != (index, wait)) for i, ws in enumerate(order.waits)]
            known = ended(Ordered(order.streams, tuple(fewer), ()))
            assert any(not needs[i] <= known[i] for i in range(len(needs)))


@given(
    cases(), st.lists(st.tuples(st.integers(0, 5000), st.lists(st.integers(0, 13), min_size=1)), max_size=20)
)
def test_buffers_in_use_at_the_same_time_do_not_overlap(
    case: Case, made: list[tuple[int, list[int]]]
) -> None:
    order = ordered(*case)
    known = ended(order)
    buffers = [(size, {n % len(known) for n in launches}) for size, launches in made]
    offsets = place_in_order([Use(size, launches) for size, launches in buffers], order)
    for i, (size, launches) in enumerate(buffers):
        assert offsets[i] % ALIGNMENT == 0
        for j in range(i):
            other, others = buffers[j]
            follows = all(b in known[a] for a in launches for b in others)
            precedes = all(a in known[b] for a in launches for b in others)
            if size and other and not follows and not precedes:
                assert offsets[i] + size <= offsets[j] or offsets[j] + other <= offsets[i]


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=20)
)
def test_one_stream_needs_as_much_as_a_sequence(made: list[tuple[int, int, int]]) -> None:
    order = ordered([set() for _ in range(13)], [0] * 13)
    lives = [Lifetime(size, first, first + length) for size, first, length in made]
    uses = [Use(life.size, {life.first, life.last}) for life in lives]
    assert place_in_order(uses, order) == list(place(lives).offsets)


BRANCHES, DEPTH = 4, 4
Large = Callable[[int], tuple[Module, list[Task]]]


def forks(launches: int) -> tuple[Module, list[Task]]:
    """Modules of four branches that each begin with what the last module joined."""
    text = LaunchText()
    value = text.x
    for module in range(launches // (BRANCHES * DEPTH)):
        whole = text.buffer(TensorType((8, 4 * BRANCHES), F32))
        for branch in range(BRANCHES):
            last = value
            for _ in range(DEPTH - 1):
                last = text.relu(last, text.buffer(text.type, spare=256 * ((module + branch) % 9)))
            text.relu(last, text.part(whole, branch))
        joined = text.relu(whole, text.buffer(whole.type))
        value = text.part(joined, module % BRANCHES)
    value = text.relu(value, text.buffer(text.type))
    return text.done(value), [Task(1.0 + index % 7, 0.2) for index in range(launches * 2)]


def apart(launches: int) -> tuple[Module, list[Task]]:
    """Two chains that need nothing of each other until the end."""
    text = LaunchText()
    whole = text.buffer(TensorType((8, 8), F32))
    for branch in range(2):
        value = text.x
        for index in range(launches // 2 - 1):
            value = text.relu(value, text.buffer(text.type, spare=256 * (index % 5)))
        text.relu(value, text.part(whole, branch))
    return text.done(whole), [Task(1.0 + index % 7, 0.2) for index in range(launches * 2)]


def spread(made: tuple[Module, list[Task]]) -> Module:
    """The module on four streams, as the pass does it without a model of kernels' times."""
    module, tasks = made
    kernels = [op for op in module.main.block if isinstance(op, Kernel)]
    needs = dependences(module.main, module.ranges)
    found = schedule(tasks[: len(kernels)], needs, 4, REFERENCE.fitted.schedule)
    place = {old: new for new, old in enumerate(found.order)}
    moved = [{place[other] for other in needs[old]} for old in found.order]
    order = ordered(moved, [found.streams[old] for old in found.order])
    kernels = [kernels[old] for old in found.order]
    for op, stream, waits in zip(kernels, order.streams, order.waits, strict=True):
        op.stream, op.waits = stream, waits
    reorder(module.main, kernels)
    place_concurrent(module, order)
    return module


def gathered(launches: int) -> tuple[Module, list[Task]]:
    """Four chains side by side, of which every value is kept for the end."""
    text = LaunchText()
    last = [text.x] * BRANCHES
    made = []
    for index in range(launches // 2):
        made.append(text.relu(last[index % BRANCHES], text.buffer(text.type)))
        last[index % BRANCHES] = made[-1]
    whole = text.buffer(TensorType((8, 4 * len(made)), F32))
    for index, value in enumerate(made):
        text.relu(value, text.part(whole, index))
    return text.done(whole), [Task(1.0 + index % 7, 0.2) for index in range(launches * 2)]


@pytest.mark.parametrize("make", [forks, apart])
def test_large_modules_are_spread_soundly(make: Large) -> None:
    module = spread(make(400))
    assert len({op.stream for op in module.main.block if isinstance(op, Kernel)}) > 1
    assert list(faults(module)) == []
    ends = [op.offset + op.bytes for op in module.main.block if isinstance(op, Buffer)]
    assert max(ends) < 100_000  # memory is used again


@pytest.mark.parametrize(
    ("make", "sizes"), [(forks, (5_000, 20_000)), (apart, (2_000, 8_000)), (gathered, (1_000, 4_000))]
)
def test_twenty_thousand_launches_take_time_in_proportion(make: Large, sizes: tuple[int, int]) -> None:
    assert_growth(make, spread, sizes, most=8)
