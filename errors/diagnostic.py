"""Diagnostics as data: what is wrong, where, and what can be done. `rendering.py` turns them into text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .shortening import shortened

Severity = Literal["error"]


@dataclass(frozen=True, slots=True)
class Span:
    """A range of LENGTH characters in one line of text. Line and column count from 1.

    file: the file's name, or a name for text that is in no file (`<ir>`, a command-line option); source: the
    whole line.
    """

    file: str
    line: int
    column: int
    length: int
    source: str

    @property
    def place(self) -> str:
        """`file:line:column`."""
        return f"{self.file}:{self.line}:{self.column}"


def span_in(file: str, text: str, start: int, end: int) -> Span:
    """The span of the characters of TEXT from offset START to END, clipped to one line; FILE is its name."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", start)
    stop = len(text) if stop < 0 else stop
    line = text.count("\n", 0, start) + 1
    return Span(file, line, start - begin + 1, max(1, min(end, stop) - start), text[begin:stop])


@dataclass(frozen=True, slots=True)
class Note:
    """A fact that supplements the message, and where it shows in a text, if anywhere."""

    message: str
    span: Span | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong. Overlong texts are shortened.

    message: what is wrong, in one sentence; span: the smallest part of a text at fault; label: a few words
    shown under the span; notes: facts; hints: what can be done; nodes: names of the ONNX nodes at fault;
    level: the IR level at which it was found, empty outside the IR.
    """

    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Note, ...] = ()
    hints: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    level: str = ""
    severity: Severity = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))
        object.__setattr__(self, "label", shortened(self.label))
        object.__setattr__(self, "hints", tuple(map(shortened, self.hints)))

    def within(self, context: str) -> Diagnostic:
        """The same with CONTEXT, which says where it was found, before the message: "pass dce: ..."."""
        return replace(self, message=f"{context}: {self.message}")
