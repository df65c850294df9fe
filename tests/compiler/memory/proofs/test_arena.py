"""Buffers that lie elsewhere, or are of another size, are found."""

from __future__ import annotations

from glassrt.dialects.core.module import Module
from glassrt.dialects.launch_memory import Buffer
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ....property.concat_graphs import concat_nets, lowered
from .mutated import CHANGES, holds
from .mutating import (
    arena,
    copy,
    of,
    pick,
)


@given(concat_nets(most=5, joined=True), st.data())
@settings(max_examples=15)
def test_a_buffer_elsewhere(module: Module, data: DataObject) -> None:
    good, _ = lowered(module)
    for _ in range(CHANGES):
        bad = copy(good)
        buffer = pick(data, arena(bad))
        others = [op.offset for op in arena(bad)]
        places = [*others, *(buffer.offset + d for d in (-256, 16, 64))]
        buffer.offset = max(0, data.draw(st.sampled_from(places)))
        holds(good, bad)


@given(concat_nets(most=5, joined=True), st.data())
@settings(max_examples=15)
def test_a_buffer_of_another_size(module: Module, data: DataObject) -> None:
    good, _ = lowered(module)
    for _ in range(CHANGES):
        bad = copy(good)
        buffer = pick(data, of(bad, Buffer))
        buffer.bytes = buffer.bytes + data.draw(st.sampled_from([-64, -4, -1, 4, 1000]))
        holds(good, bad)
