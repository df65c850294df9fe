"""Values of symbols at which proofs are tried."""

from __future__ import annotations

from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import Layout
from glassrt.dialects.launch_memory import View
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ....property.concat_graphs import lowered
from .mutating import (
    arena,
    copy,
    of,
    pick,
    retype,
)
from .symbolic import APART, RANGES, holds, joins, written


def shifts(draw: DataObject, unit: Dim) -> Dim:
    """By how much a place is changed: by numbers, by sizes, or by multiples of both and of UNIT."""
    size = draw.draw(st.sampled_from([1, symbol("N"), symbol("M"), symbol("N") - symbol("M")]))
    return size * draw.draw(st.sampled_from([1, -1, 2])) * draw.draw(st.sampled_from([1, 4, unit]))


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
