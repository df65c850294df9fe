"""Sound launch modules with one change: whenever the arena then gives wrong answers, the checker says so.

Streams are made visible by running the launches in other orders that streams and waits allow.
What is not memory cannot be told from the text and is not changed here: which part a view that
nothing writes through shows, and which buffer an operand names.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.dialects.core.ir import Module, Operation
from glassrt.dialects.core.types import Layout
from glassrt.dialects.launch import Buffer, Kernel, View
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ....property.concat_graphs import concat_nets, lowered
from .mutating import (
    LOCATED,
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


def holds(good: Module, bad: Module, orders: Sequence[Module] = ()) -> None:
    """Assert that the checker flags BAD, and says where, if BAD or one of its ORDERS answers other than
    GOOD."""
    if not is_located(bad):
        for which in ("minimum", "maximum"):
            agrees(good, [bad, *orders], random_inputs(good, which=which))


@given(concat_nets(), st.sampled_from(["fp32", "fp16"]), st.sampled_from([1, 0, 3]))
@settings(max_examples=30)
def test_what_the_compiler_makes_is_sound(module: Module, precision: str, streams: int) -> None:
    launch, _ = lowered(module, precision, streams)
    assert list(faults(copy(launch))) == []


@given(concat_nets(most=5, joined=True), st.data())
@settings(max_examples=40)
def test_a_buffer_elsewhere(module: Module, data: DataObject) -> None:
    good, _ = lowered(module)
    bad = copy(good)
    buffer = pick(data, arena(bad))
    others = [op.offset for op in arena(bad)]
    buffer.offset = max(
        0, data.draw(st.sampled_from([*others, *(buffer.offset + d for d in (-256, 16, 64))]))
    )
    holds(good, bad)


@given(concat_nets(most=5, joined=True), st.data())
@settings(max_examples=40)
def test_a_buffer_of_another_size(module: Module, data: DataObject) -> None:
    good, _ = lowered(module)
    bad = copy(good)
    buffer = pick(data, of(bad, Buffer))
    buffer.bytes = buffer.bytes + data.draw(st.sampled_from([-64, -4, -1, 4, 1000]))
    holds(good, bad)


@given(concat_nets(most=5, joined=True), st.data())
@settings(max_examples=40)
def test_launches_in_another_order(module: Module, data: DataObject) -> None:
    good, _ = lowered(module)
    bad = copy(good)
    kernels = of(bad, Kernel)
    moved = data.draw(st.sampled_from(kernels))
    order: list[Operation] = [kernel for kernel in kernels if kernel is not moved]
    order.insert(data.draw(st.integers(0, len(order))), moved)
    holds(good, reordered(bad, order))


@given(concat_nets(most=5, joined=True), st.data())
@settings(max_examples=40)
def test_a_part_that_lies_elsewhere(module: Module, data: DataObject) -> None:
    good, _ = lowered(module)
    bad = copy(good)
    view = pick(data, [view for view in of(bad, View) if is_written(view.result)])
    type = view.result.type
    if data.draw(st.booleans()):
        view.offset = view.offset + data.draw(st.sampled_from([-8, -4, 4, 8, 64]))
    else:
        axis = data.draw(st.integers(0, type.rank - 1))
        assume(type.shape[axis] != 1)
        strides = list(type.strides)
        strides[axis] = strides[axis] + data.draw(st.sampled_from([-1, 1, 4, strides[axis]]))
        retype(view.result, type.with_layout(Layout((), tuple(strides), type.layout.offset)))
    holds(good, bad)


APART = frozenset({"group-launches"})  # groups would leave little for streams


@given(concat_nets(most=5, joined=True), st.integers(2, 4), st.data())
@settings(max_examples=30)
def test_streams_and_waits(module: Module, streams: int, data: DataObject) -> None:
    good, _ = lowered(module, streams=streams, disabled=APART)
    bad = copy(good)
    for kernel in of(bad, Kernel):
        if kernel.waits and data.draw(st.booleans()):
            kernel.waits = data.draw(st.lists(st.sampled_from(kernel.waits), unique=True))
        if data.draw(st.integers(0, 3)) == 0:
            kernel.stream = data.draw(st.integers(0, streams - 1))
    allowed = [allowed_order(copy(bad), data) for _ in range(2)]
    holds(good, bad, allowed)


@given(concat_nets(most=5, joined=True), st.sampled_from(["fp32", "fp16"]), st.data())
@settings(max_examples=15)
def test_a_strided_tensor_taken_for_a_dense_one(module: Module, precision: str, data: DataObject) -> None:
    """Found whatever it would compute: a kernel that expects other strides than its operand has."""
    bad = copy(lowered(module, precision)[0])
    places = [(k, i) for k in of(bad, Kernel) for i, v in enumerate(k.reads) if not v.type.layout.is_dense]
    assume(places)
    kernel, index = data.draw(st.sampled_from(places))
    argument = kernel.body.block.arguments[index]
    argument.type = argument.type.with_layout(Layout())
    found = [str(error) for error in faults(bad)]
    assert found and f"reads operand {index}, " in found[0] and LOCATED.search(found[0])


@given(concat_nets(most=5, joined=True), st.integers(2, 4), st.data())
@settings(max_examples=15)
def test_an_event_that_is_missing(module: Module, streams: int, data: DataObject) -> None:
    """One wait less: told by the checker, or of no consequence in any order that is left."""
    good, _ = lowered(module, streams=streams, disabled=APART)
    bad = copy(good)
    kernel = pick(data, [kernel for kernel in of(bad, Kernel) if kernel.waits])
    dropped = data.draw(st.sampled_from(kernel.waits))
    kernel.waits = [wait for wait in kernel.waits if wait != dropped]
    holds(good, bad, [allowed_order(copy(bad), data) for _ in range(3)])
