"""Launches in a new order: each after its buffers and views, and nothing lost."""

from __future__ import annotations

from glassrt.compiler.schedule.reorder import reorder
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_control import LaunchLoop
from glassrt.dialects.launch_memory import Buffer, View

from ..memory.proofs.launch_text import LaunchText
from ..memory.proofs.test_control import INIT, OUT, TURN, loop, read


def two_chains() -> tuple[LaunchText, list[Operation]]:
    """Two launches that are independent of each other, the second into a view, and one that reads both."""
    text = LaunchText()
    text.relu(text.x, text.buffer(text.type))
    whole = text.buffer(TensorType((8, 8), text.type.dtype))
    text.relu(text.x, text.part(whole, 0))
    text.relu(text.x, text.part(whole, 1))
    text.done(whole)
    return text, [op for op in text.function.block if isinstance(op, Kernel)]


def test_launches_stand_in_the_order_given() -> None:
    text, (first, second, third, last) = two_chains()
    reorder(text.function.block, [third, second, first, last])
    found = [op for op in text.function.block if isinstance(op, Kernel)]
    assert found == [third, second, first, last]


def test_a_buffer_stands_before_the_first_launch_that_uses_it() -> None:
    text, (first, second, third, last) = two_chains()
    reorder(text.function.block, [third, first, second, last])
    kinds = [type(op) for op in text.function.block]
    assert kinds[:5] == [Buffer, View, Kernel, Buffer, Kernel]
    places = {op: at for at, op in enumerate(text.function.block)}
    for op in text.function.block:
        assert all(places[value.producer] < places[op] for value in op.inputs if value.producer is not None)


def test_ops_that_no_launch_uses_are_kept_last() -> None:
    text, kernels = two_chains()
    unused = text.function.block.first
    assert isinstance(unused, Buffer)
    before = set(text.function.block)
    reorder(text.function.block, kernels[1:])
    assert set(text.function.block) == before
    rest = list(text.function.block)[-3:]
    assert rest[:2] == [unused, kernels[0]] and rest[2].name == "core.return"


def test_the_buffers_of_a_loop_stand_before_it() -> None:
    block = read(INIT + loop(TURN) + OUT).main.block
    launches = [op for op in block if isinstance(op, (Kernel, LaunchLoop))]
    reorder(block, launches)
    places = {op: at for at, op in enumerate(block)}
    (repeated,) = (op for op in block if isinstance(op, LaunchLoop))
    used = {value.producer for op in repeated.walk() for value in op.inputs}
    assert all(places[op] < places[repeated] for op in used if op is not None and op in places)
    assert [op for op in block if op in launches] == launches
