"""A diagnostic: what is wrong, where, and what can be done. Data, which `rendering.py` shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .shortening import shortened

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line of text: LENGTH characters of it. Line and column count from 1.

    file: the name of the file, or of the text where it is in none (`<ir>`, an option of the command
    line); source: the whole line.
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


@dataclass(frozen=True, slots=True)
class Note:
    """A fact beside the message, and where it is to be seen in a text, if anywhere."""

    message: str
    span: Span | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong. Texts that are too long are cut.

    message: what is wrong, in one sentence; span: the smallest thing in a text that it is about;
    label: a few words that stand under it; notes: facts; hints: what can be done; nodes: names of the
    ONNX nodes that it is about; level: the level of the IR that it was found at, empty outside the IR.
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
        """The same, the message behind words about where it was found: "pass dce: ..."."""
        return replace(self, message=f"{context}: {self.message}")
