"""Vectors along a row, and which of them threads keep."""

from __future__ import annotations

import pytest
from glassrt.codegen.emit.row_walk import MOST_BYTES, HeldElements, RowWalk
from glassrt.dialects.core.dtypes import F16, F32


@pytest.mark.parametrize(
    ("walk", "trips", "ragged"),
    [
        (RowWalk(256, 8, 32), 1, False),
        (RowWalk(768, 8, 32), 3, False),
        (RowWalk(132, 4, 32), 2, True),
        (RowWalk(100, 2, 64), 1, True),
    ],
)
def test_every_element_has_a_trip(walk: RowWalk, trips: int, ragged: bool) -> None:
    assert (walk.trips, walk.ragged) == (trips, ragged)
    text = "\n".join(walk.over(["use(column);"]))
    assert ("for (" in text) == (trips > 1) and (f"if (column < {walk.length})" in text) == ragged
    last = (walk.trips - 1) * walk.workers * walk.vector
    assert last < walk.length <= last + walk.workers * walk.vector


def test_a_vector_is_loaded_once_and_those_of_weights_early() -> None:
    held = HeldElements(RowWalk(768, 8, 32))
    first = held.hold("a", F16, "x0", "row*768 + column", False)
    assert first == held.hold("b", F16, "x0", "row*768 + column", False) == "a[trip]"
    assert held.hold("c", F32, "x1", "column", True) == "c[trip]"
    early, later = ("\n".join(held.loads(early=early)) for early in (True, False))
    assert "Vec<f32, 8> c[3];" in early and "x0" not in early
    assert "a[trip] = load_wide<8>(x0, row*768 + column);" in later and "x1" not in later


def test_registers_are_few() -> None:
    held = HeldElements(RowWalk(1024, 8, 32))
    size = 32 * F32.bytes
    names = [held.hold(f"a{at}", F32, f"x{at}", "column", False) for at in range(MOST_BYTES // size + 1)]
    assert None not in names[:-1] and names[-1] is None
    assert HeldElements(RowWalk(256, 8, 32)).hold("a", F16, "x0", "column", False) == "a"
    assert held.loads(early=True) == []
