"""Diagnostics shown: as text with the line and a caret for people, as JSON data for tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .diagnostic import Diagnostic, Note, Span
from .shortening import shortened

SHOWN = 160  # characters of a line
MAX_NODES = 3
_COMPARED = 60  # characters of a name that are looked for in a message


def text(diagnostic: Diagnostic, cases: Sequence[Diagnostic] = ()) -> str:
    """DIAGNOSTIC for people: what `body` says, then the hints, one a line."""
    return body(diagnostic, cases) + "".join(f"\n  hint: {hint}" for hint in diagnostic.hints)


def body(diagnostic: Diagnostic, cases: Sequence[Diagnostic] = ()) -> str:
    """The message, those of the CASES that it sums up, ONNX nodes, the place with its label, and notes."""
    message = shortened("\n  - ".join((diagnostic.message, *(case.message for case in cases))))
    parts = [message, *_nodes(diagnostic)]
    if diagnostic.span is not None:
        parts += _excerpt(diagnostic.span, diagnostic.label)
    for note in diagnostic.notes:
        parts += _note(note)
    return "\n  ".join(parts)


def _note(note: Note) -> list[str]:
    where = [] if note.span is None else _excerpt(note.span, "")
    return [f"note: {note.message}", *where]


def _nodes(diagnostic: Diagnostic) -> list[str]:
    """The line about ONNX nodes, of which there is none where the message names the first."""
    nodes = diagnostic.nodes
    if not nodes or ascii(nodes[0])[:_COMPARED] in diagnostic.message:
        return []
    named = ", ".join(map(repr, nodes[:MAX_NODES]))
    more = f" and {len(nodes) - MAX_NODES} more" if len(nodes) > MAX_NODES else ""
    return [shortened(f"from ONNX node {named}{more}")]


def _excerpt(span: Span, label: str) -> list[str]:
    """The place, what stands around it in its line, and carets under the stretch."""
    start = _first_shown(span)
    shown, before = _window(span, start)
    at = span.column - 1 - start
    carets = "^" * max(1, min(span.length, SHOWN - at))
    return [f"at {span.place}", shown, f"{' ' * (before + at)}{carets} {label}".rstrip()]


def _first_shown(span: Span) -> int:
    return max(0, min(span.column - 1 - SHOWN // 2, len(span.source) - SHOWN))


def _window(span: Span, start: int) -> tuple[str, int]:
    """What is shown of the line from START on, and how many characters stand before it for what is not."""
    before, after = "..." * (start > 0), "..." * (start + SHOWN < len(span.source))
    return f"{before}{span.source[start : start + SHOWN]}{after}", len(before)


def data(diagnostic: Diagnostic) -> dict[str, Any]:
    """DIAGNOSTIC as JSON data; a span's `excerpt` is what `text` shows of the line."""
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
