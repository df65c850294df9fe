"""Diagnostics as text and as data, and the words for what the grammar expects."""

from __future__ import annotations

import pytest
from glassrt.errors.diagnostic import Diagnostic, Note, Span
from glassrt.errors.rendering import SHOWN, data, text

SPAN = Span("net.ir", 7, 5, 3, "1 + two + 3")


def test_all_there_is_to_say_has_its_place() -> None:
    notes = (Note("a fact"), Note("it is defined here", Span("net.ir", 2, 1, 3, "two = 2")))
    full = Diagnostic("no", SPAN, "a word", notes, ("do this", "or that"), ("a", "b", "c", "d", "e"), "graph")
    assert text(full).split("\n") == [
        "no",
        "  from ONNX node 'a', 'b', 'c' and 2 more",
        "  at net.ir:7:5",
        "  1 + two + 3",
        "      ^^^ a word",
        "  note: a fact",
        "  note: it is defined here",
        "  at net.ir:2:1",
        "  two = 2",
        "  ^^^",
        "  hint: do this",
        "  hint: or that",
    ]
    found = data(full)
    assert found["span"] == {"file": "net.ir", "line": 7, "column": 5, "length": 3, "excerpt": "1 + two + 3"}
    assert found["nodes"] == ["a", "b", "c", "d", "e"] and found["level"] == "graph"
    assert [note["span"] and note["span"]["line"] for note in found["notes"]] == [None, 2]


def test_a_node_that_the_message_names_is_not_named_again() -> None:
    assert text(Diagnostic("Relu node 'a': no", nodes=("a",))) == "Relu node 'a': no"
    assert "from ONNX node 'b'" in text(Diagnostic("Relu node 'a': no", nodes=("b",)))


@pytest.mark.parametrize("column", [1, 500, 1000])
def test_the_caret_stands_under_its_column_of_a_long_line(column: int) -> None:
    line = "".join(str(number % 10) for number in range(1, 1001))
    _, _, shown, carets = text(Diagnostic("no", Span("f", 1, column, 1, line))).split("\n")
    assert shown[carets.index("^")] == str(column % 10) and len(shown) <= SHOWN + 8
