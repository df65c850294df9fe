"""Locations: the ONNX nodes that an operation stems from, and its place in IR text if it was parsed."""

from __future__ import annotations

from dataclasses import dataclass

from .source_text import Place


@dataclass(frozen=True, slots=True)
class Location:
    """The ONNX nodes that an operation stands for, in order, the model's names of their outputs, and its
    place in IR text, if any."""

    nodes: tuple[str, ...] = ()
    place: Place | None = None
    tensors: tuple[str, ...] = ()

    def merged(self, *others: Location) -> Location:
        """This location with the nodes and tensors of OTHERS added, in linear time."""
        every = (self, *others)
        nodes = dict.fromkeys(node for location in every for node in location.nodes)
        tensors = dict.fromkeys(name for location in every for name in location.tensors)
        place = next((location.place for location in every if location.place), None)
        return Location(tuple(nodes), place, tuple(tensors))


UNKNOWN = Location()


def merge(locations: list[Location]) -> Location:
    """One location, without a place in text, for an operation that replaces several; in linear time."""
    nodes = dict.fromkeys(node for location in locations for node in location.nodes)
    place = next((location.place for location in locations if location.place), None)
    return Location(tuple(nodes), place)
