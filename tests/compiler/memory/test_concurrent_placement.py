"""Buffers in use at the same time are apart, in time in proportion to the launches."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.memory.concurrent_placement import Use, place_concurrent, place_in_order
from glassrt.compiler.memory.dependences import dependences
from glassrt.compiler.memory.placement import ALIGNMENT, Lifetime, place
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.memory.stream_order import order_on_streams
from glassrt.compiler.schedule.reorder import reorder
from glassrt.compiler.schedule.streams.schedule import Task, schedule
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import Buffer
from hypothesis import given
from hypothesis import strategies as st

from ...growth import assert_growth
from .proofs.launch_text import LaunchText
from .stream_cases import Case, cases, ended


@given(
    cases(), st.lists(st.tuples(st.integers(0, 5000), st.lists(st.integers(0, 13), min_size=1)), max_size=20)
)
def test_buffers_in_use_at_the_same_time_do_not_overlap(
    case: Case, made: list[tuple[int, list[int]]]
) -> None:
    order = order_on_streams(*case)
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
    order = order_on_streams([set() for _ in range(13)], [0] * 13)
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
    found = schedule(tasks[: len(kernels)], needs, 4, REFERENCE)
    place = {old: new for new, old in enumerate(found.order)}
    moved = [{place[other] for other in needs[old]} for old in found.order]
    order = order_on_streams(moved, [found.streams[old] for old in found.order])
    kernels = [kernels[old] for old in found.order]
    for op, stream, waits in zip(kernels, order.streams, order.waits, strict=True):
        op.stream, op.waits = stream, waits
    reorder(module.main.block, kernels)
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
