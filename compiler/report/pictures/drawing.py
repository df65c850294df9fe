"""The boxes of a level with places, as JSON data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .boxes import CONTROL, OP, OpBox
from .layers import Layered, layered

# In pixels at scale 1; the page draws titles in 12 and the rest in 10.
TITLE_CHARACTER, CHARACTER, LINE = 7.6, 5.9, 16.0
NARROWEST, WIDEST = 64.0, 240.0
PADDING = 10.0
INSIDE_BESIDE, INSIDE_BELOW = 10.0, 16.0  # free room between the boxes of a kernel


@dataclass(frozen=True)
class _Sized:
    """A box with its size, and the places of those inside of it, with `head` pixels above them."""

    box: OpBox
    width: float
    height: float
    head: float
    inside: tuple[_Sized, ...]
    places: Layered


@dataclass
class Drawing:
    """What is drawn of one level, as JSON data: boxes, outer ones first, each with its corner and its size;
    edges as points, x and y in turn, each with the box around it."""

    launches: Mapping[str, Sequence[int]]  # by node
    boxes: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)

    def add(self, sized: _Sized, x: float, y: float, around: int) -> None:
        """Draw what is inside of SIZED, whose upper left corner is at X, Y and whose number is AROUND."""
        left = x + (sized.width - sized.places.width) / 2
        top = y + sized.head
        first = {}
        for at, (inner, corner) in enumerate(zip(sized.inside, sized.places.corners, strict=True)):
            first[at] = len(self.boxes)
            own_x, own_y = left + corner[0], top + corner[1]
            self.boxes.append(self._box(inner, own_x, own_y, around))
            self.add(inner, own_x, own_y, first[at])
        for (source, target), route in zip(sized.box.edges, sized.places.routes, strict=True):
            points = [round(each, 1) for px, py in route for each in (left + px, top + py)]
            self.edges.append({"from": first[source], "to": first[target], "points": points})

    def _box(self, sized: _Sized, x: float, y: float, around: int) -> dict[str, Any]:
        box = sized.box
        return {
            "kind": box.kind,
            "title": box.title,
            "about": box.about,
            "at": [round(each, 1) for each in (x, y, sized.width, sized.height)],
            "around": around,
            "holds": len(box.inside),
            "nodes": list(box.nodes),
            "lines": box.lines,
            "launch": self._launch(box),
        }

    def _launch(self, box: OpBox) -> int | None:
        """The launch that BOX is, or that computes the most of its nodes, the first of several; None without
        one, and for branches and loops, which may hold many."""
        if box.kind == CONTROL or box.launch is not None:
            return box.launch
        counts = Counter(index for node in box.nodes for index in self.launches.get(node, ()))
        most = max(counts.values(), default=0)
        return min((index for index, count in counts.items() if count == most), default=None)


def drawn(whole: OpBox, launches: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The boxes inside of WHOLE with places, as JSON data; LAUNCHES are those that compute each node."""
    sized = _sized(whole)
    drawing = Drawing(launches)
    drawing.add(sized, 0.0, 0.0, -1)
    size = [round(sized.width, 1), round(sized.height, 1)]
    return {"size": size, "boxes": drawing.boxes, "edges": drawing.edges}


def _sized(box: OpBox) -> _Sized:
    inside = tuple(_sized(each) for each in box.inside)
    sizes = [(each.width, each.height) for each in inside]
    is_whole = box.kind == OP and not box.title
    places = layered(sizes, box.edges) if is_whole else layered(sizes, box.edges, INSIDE_BESIDE, INSIDE_BELOW)
    if is_whole:
        return _Sized(box, places.width, places.height, 0.0, inside, places)
    head = LINE * (2 if box.about else 1) + PADDING
    text = max(len(box.title) * TITLE_CHARACTER, len(box.about) * CHARACTER) + 2 * PADDING
    width = max(min(max(text, NARROWEST), WIDEST), places.width + 2 * PADDING)
    height = head + (places.height + PADDING if inside else 0.0)
    return _Sized(box, width, height, head, inside, places)
