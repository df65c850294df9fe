"""Renders diagnostics: as text with the source line and a caret for people, as JSON data for tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .diagnostic import Diagnostic, Note, Span
from .shortening import shortened

SHOWN = 160  # characters shown of a source line
MAX_NODES = 3
_COMPARED = 60  # leading characters of a node's name that are searched for in the message


def text(diagnostic: Diagnostic, cases: Sequence[Diagnostic] = ()) -> str:
    """DIAGNOSTIC as text: its `body`, then the hints, one per line."""
    return body(diagnostic, cases) + "".join(f"\n  hint: {hint}" for hint in diagnostic.hints)


def body(diagnostic: Diagnostic, cases: Sequence[Diagnostic] = ()) -> str:
    """The message, the messages of the CASES that it summarises, ONNX nodes, the excerpt and the notes."""
    message = shortened("\n  - ".join((diagnostic.message, *(case.message for case in cases))))
    parts = [message, *_nodes(diagnostic)]
    if diagnostic.span is not None:
        parts += excerpt(diagnostic.span, diagnostic.label)
    for note in diagnostic.notes:
        parts += _note(note)
    return "\n  ".join(parts)


def _note(note: Note) -> list[str]:
    where = [] if note.span is None else excerpt(note.span, "")
    return [f"note: {note.message}", *where]


def _nodes(diagnostic: Diagnostic) -> list[str]:
    """The line about ONNX nodes; empty if there are none, or if the message already names the first."""
    nodes = diagnostic.nodes
    if not nodes or ascii(nodes[0])[:_COMPARED] in diagnostic.message:
        return []
    named = ", ".join(map(repr, nodes[:MAX_NODES]))
    more = f" and {len(nodes) - MAX_NODES} more" if len(nodes) > MAX_NODES else ""
    return [shortened(f"from ONNX node {named}{more}")]


def excerpt(span: Span, label: str) -> list[str]:
    """Three lines: the location, the source line around SPAN, and carets with the LABEL under it."""
    start = _first_shown(span)
    shown, before = _window(span, start)
    at = span.column - 1 - start
    carets = "^" * max(1, min(span.length, SHOWN - at))
    return [f"at {span.place}", shown, f"{' ' * (before + at)}{carets} {label}".rstrip()]


def _first_shown(span: Span) -> int:
    return max(0, min(span.column - 1 - SHOWN // 2, len(span.source) - SHOWN))


def _window(span: Span, start: int) -> tuple[str, int]:
    """SHOWN characters of the line from START on, with "..." for omitted ends, and the length of the "..."
    before them."""
    before, after = "..." * (start > 0), "..." * (start + SHOWN < len(span.source))
    return f"{before}{span.source[start : start + SHOWN]}{after}", len(before)


def data(diagnostic: Diagnostic) -> dict[str, Any]:
    """DIAGNOSTIC as JSON data; a span's `excerpt` is the part of the line that `text` shows."""
    return {
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "span": _span_data(diagnostic.span),
        "label": diagnostic.label,
        "notes": [{"message": note.message, "span": _span_data(note.span)} for note in diagnostic.notes],
        "hints": list(diagnostic.hints),
        "nodes": list(diagnostic.nodes),
        "level": diagnostic.level,
    }


def _span_data(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    excerpt, _ = _window(span, _first_shown(span))
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "length": span.length,
        "excerpt": excerpt,
    }
