"""Waits are enough and none is idle; buffers in use at the same time are apart."""

from __future__ import annotations

import numpy as np
from concat_graphs import concat_nets, lowered
from glassrt.compiler.analysis.launch_accesses import root_of
from glassrt.compiler.analysis.memory_plan import ALIGNMENT, Lifetime, place
from glassrt.compiler.analysis.streams_memory import Use, place_in_order
from glassrt.compiler.analysis.streams_order import Ordered, dependences, ordered
from glassrt.dialects.core.affine import evaluate
from glassrt.dialects.core.ir import Module, Value
from glassrt.dialects.graph.movement import Concat
from glassrt.dialects.launch import Kernel
from graphs import Net
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

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
        assert order.before[index] == sum(1 << other for other in known)
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
    uses = []
    for size, launches in buffers:
        before = set.intersection(*(known[launch] for launch in launches))
        uses.append(Use(size, sum(1 << n for n in launches), sum(1 << n for n in before)))
    offsets = place_in_order(uses)
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
    uses = [Use(life.size, 1 << life.first | 1 << life.last, order.before[life.first]) for life in lives]
    assert place_in_order(uses) == list(place(lives).offsets)
