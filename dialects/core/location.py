"""Where an operation comes from: ONNX nodes, and a place in IR text when it was parsed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line of text; line and column count from 1."""

    file: str
    line: int
    column: int
    length: int
    source: str

    def render(self) -> str:
        """The place, the source line and a caret line under the stretch."""
        caret = " " * (self.column - 1) + "^" * max(1, self.length)
        return f"{self.file}:{self.line}:{self.column}\n  {self.source}\n  {caret}"


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
