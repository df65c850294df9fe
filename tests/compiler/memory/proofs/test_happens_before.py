"""Streams and events: an order that is missing is found."""

from __future__ import annotations

from glassrt.dialects.core.module import Module
from glassrt.dialects.launch import Kernel
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ....property.concat_graphs import concat_nets, lowered
from .mutated import holds
from .mutating import (
    allowed_order,
    copy,
    of,
    pick,
)

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
