"""Where an operation comes from: ONNX nodes, and a place in IR text when it was parsed."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN = 160  # characters of a line


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line of text; line and column count from 1."""

    file: str
    line: int
    column: int
    length: int
    source: str

    def render(self) -> str:
        """The place, what stands around it in its line, and carets under the stretch."""
        start = max(0, min(self.column - 1 - SHOWN // 2, len(self.source) - SHOWN))
        shown = self.source[start : start + SHOWN]
        before, after = "..." * (start > 0), "..." * (start + SHOWN < len(self.source))
        at = self.column - 1 - start
        carets = "^" * max(1, min(self.length, SHOWN - at))
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}\n  {before}{shown}{after}\n  {' ' * (len(before) + at)}{carets}"


@dataclass(frozen=True, slots=True)
class Location:
    """The ONNX nodes an operation stands for, in order, the names that the model has for what they
    give, and its span in IR text, if any."""

    nodes: tuple[str, ...] = ()
    span: Span | None = None
    tensors: tuple[str, ...] = ()

    def merged(self, *others: Location) -> Location:
        """This location with the nodes and the tensors of OTHERS added; linear in their number."""
        every = (self, *others)
        nodes = dict.fromkeys(node for location in every for node in location.nodes)
        tensors = dict.fromkeys(name for location in every for name in location.tensors)
        span = next((location.span for location in every if location.span), None)
        return Location(tuple(nodes), span, tuple(tensors))


UNKNOWN = Location()


def merge(locations: list[Location]) -> Location:
    """One location, of nodes, for an operation that stands for several; linear in their number."""
    nodes = dict.fromkeys(node for location in locations for node in location.nodes)
    span = next((location.span for location in locations if location.span), None)
    return Location(tuple(nodes), span)
