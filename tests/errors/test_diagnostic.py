"""What an error says, as data: spans are of one line, and texts are cut."""

from __future__ import annotations

import pickle

from glassrt import GlassError, IRError, PlanError
from glassrt.errors.diagnostic import Diagnostic, Note, Span, span_in
from glassrt.errors.shortening import MAX_LINE
from hypothesis import given
from hypothesis import strategies as st

SPAN = Span("net.ir", 7, 5, 3, "1 + two + 3")


@given(st.lists(st.text("ab ", max_size=5), min_size=1, max_size=5), st.data())
def test_a_span_is_of_one_line_and_counts_from_one(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    span = span_in("f", text, start, end)
    assert span.source == lines[span.line - 1]
    before = sum(len(line) + 1 for line in lines[: span.line - 1])
    assert before + span.column - 1 == start
    assert span.length == max(1, min(end - start, len(span.source) - span.column + 1))
    assert span.place == f"f:{span.line}:{span.column}"


def test_every_text_is_cut() -> None:
    long = "x" * 10_000
    made = Diagnostic(long, label=long, notes=(Note(long),), hints=(long, "short"))
    for text in (made.message, made.label, made.notes[0].message, made.hints[0]):
        assert MAX_LINE < len(text) < MAX_LINE + 40
    assert made.hints[1] == "short"


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
