"""Where an operation comes from: ONNX nodes, and a place in IR text when it was parsed."""

from __future__ import annotations

from dataclasses import dataclass

from .source_text import Place


@dataclass(frozen=True, slots=True)
class Location:
    """The ONNX nodes an operation stands for, in order, the names that the model has for what they
    give, and its place in IR text, if any."""

    nodes: tuple[str, ...] = ()
    place: Place | None = None
    tensors: tuple[str, ...] = ()

    def merged(self, *others: Location) -> Location:
        """This location with the nodes and the tensors of OTHERS added; linear in their number."""
        every = (self, *others)
        nodes = dict.fromkeys(node for location in every for node in location.nodes)
        tensors = dict.fromkeys(name for location in every for name in location.tensors)
        place = next((location.place for location in every if location.place), None)
        return Location(tuple(nodes), place, tuple(tensors))


UNKNOWN = Location()


def merge(locations: list[Location]) -> Location:
    """One location, of nodes, for an operation that stands for several; linear in their number."""
    nodes = dict.fromkeys(node for location in locations for node in location.nodes)
    place = next((location.place for location in locations if location.place), None)
    return Location(tuple(nodes), place)
