"""Diagnostics as text and as data, and the words for what the grammar expects."""

from __future__ import annotations

import pickle

import pytest
from glassrt import GlassError, IRError, PlanError
from glassrt.dialects.core.parser import terminals
from glassrt.dialects.core.syntax_errors import in_words
from glassrt.errors.diagnostic import Diagnostic, Note, Span
from glassrt.errors.rendering import SHOWN, data, text
from glassrt.errors.shortening import shortened

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


def test_what_was_cut_is_not_cut_again() -> None:
    for long in ("a" * 100_000, "line\n" * 1_000):
        assert shortened(shortened(long)) == shortened(long) != long


def test_an_error_told_in_another_context_keeps_what_it_says() -> None:
    inner = IRError.of(Diagnostic("no", SPAN, hints=("mend it",)))
    outer = PlanError.of(inner.diagnostic.within("the plan is damaged"))
    assert outer.message == "the plan is damaged: no" and outer.hint == "mend it"
    assert outer.diagnostic.span is SPAN
    assert outer.data()["kind"] == "PlanError" and outer.data()["exit_code"] == 1


def test_errors_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(GlassError("no", "do this", ("a",))))
    assert error.diagnostic == Diagnostic("no", hints=("do this",), nodes=("a",))
    assert str(error) == "no\n  from ONNX node 'a'\n  hint: do this"


def test_every_terminal_of_the_grammar_has_words() -> None:
    words = [in_words(terminal) for terminal in terminals() if terminal.name not in IGNORED]
    assert len(words) > 30 and len(set(words)) == len(words)
    assert not any(word.isupper() or word.startswith("_") for word in words)


IGNORED = ("__IGNORE_0",)  # spaces, which are never expected
