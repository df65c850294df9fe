"""Locations: nodes and tensors of several are joined without repetition, in order."""

from __future__ import annotations

from glassrt.dialects.core.location import UNKNOWN, Location, merge
from glassrt.dialects.core.source_text import Place, SourceText

TEXT = SourceText("net.ir", "text")
FIRST, SECOND = Place(TEXT, 1), Place(TEXT, 2)


def test_nodes_are_joined_once_each_in_order() -> None:
    a = Location(("a", "b"), None, ("t",))
    b = Location(("b", "c"), FIRST, ("u", "t"))
    assert a.merged(b) == Location(("a", "b", "c"), FIRST, ("t", "u"))
    assert b.merged(a, Location(("d",), SECOND)) == Location(("b", "c", "a", "d"), FIRST, ("u", "t"))
    assert a.merged() == a and UNKNOWN.merged(a) == a


def test_an_op_in_place_of_several_makes_none_of_their_tensors() -> None:
    found = merge(
        [Location(("b",), None, ("t",)), Location(("a", "b"), SECOND, ("u",)), Location(place=FIRST)]
    )
    assert found == Location(("b", "a"), SECOND)
    assert merge([]) == UNKNOWN
