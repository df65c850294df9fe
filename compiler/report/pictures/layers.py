"""Places for the boxes of a graph without cycles, in layers from top to bottom.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981).
A layer is the longest way from a source. Edges over several layers pass between the boxes of those, those of
one source together. In each layer the order is by barycentres, and positions are the nearest to the mean of
the neighbours that keep order and distance: isotonic regression by pooling neighbours that are in violation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

SWEEPS = 6  # down and up through all layers
BESIDE, BELOW = 22.0, 40.0  # free room between boxes of one layer, and between layers
PASSING = 8.0  # the width of an edge that passes a layer
STRAIGHT = 4.0  # by how much more those draw than boxes do, so that long edges are straight

Point = tuple[float, float]


@dataclass(frozen=True)
class Layered:
    """The places of boxes.

    corners: the upper left of each; routes: for each edge its points, from the lower side of its source to
    the upper side of its target; width, height: of all together. All in the unit of the sizes.
    """

    corners: list[Point]
    routes: list[list[Point]]
    width: float
    height: float


@dataclass(eq=False)
class _Item:
    """A box, or an edge that passes a layer; above and below: its neighbours in the layers beside."""

    layer: int
    width: float
    height: float = 0.0
    weight: float = 1.0
    above: list[_Item] = field(default_factory=list)
    below: list[_Item] = field(default_factory=list)
    rank: int = 0
    x: float = 0.0  # of its middle


def layered(
    sizes: Sequence[Point], edges: Sequence[tuple[int, int]], beside: float = BESIDE, below: float = BELOW
) -> Layered:
    """The places of boxes of SIZES (width, height) with EDGES, each from a box to one that comes
    later; BESIDE and BELOW are free room between boxes of a layer and between layers."""
    items = [
        _Item(layer, width, height)
        for layer, (width, height) in zip(_layers(len(sizes), edges), sizes, strict=True)
    ]
    ways = _ways(items, edges)
    rows: list[list[_Item]] = [[] for _ in range(max((item.layer for item in items), default=-1) + 1)]
    passing = {id(each): each for way in ways for each in way[1:-1]}
    for item in (*items, *passing.values()):
        rows[item.layer].append(item)
    _order(rows)
    _place(rows, beside)
    return _drawn(items, ways, rows, below)


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each of COUNT boxes; sources stand right before what first reads them."""
    layers = [0] * count
    for source, target in sorted(edges):
        layers[target] = max(layers[target], layers[source] + 1)
    first: dict[int, int] = {}
    for source, target in edges:
        first[source] = min(first.get(source, layers[target]), layers[target])
    inner = {target for _, target in edges}
    return [layers[at] if at in inner else first.get(at, 1) - 1 for at in range(count)]


def _ways(items: Sequence[_Item], edges: Sequence[tuple[int, int]]) -> list[list[_Item]]:
    """The items along each edge; edges of one source share those of the layers that they pass."""
    shared: dict[tuple[int, int], _Item] = {}
    joined: set[tuple[int, int]] = set()
    ways = []
    for source, target in edges:
        way = [items[source]]
        for layer in range(items[source].layer + 1, items[target].layer):
            way.append(shared.setdefault((source, layer), _Item(layer, PASSING, weight=STRAIGHT)))
        way.append(items[target])
        ways.append(way)
        for upper, lower in pairwise(way):
            if (id(upper), id(lower)) not in joined:
                joined.add((id(upper), id(lower)))
                upper.below.append(lower)
                lower.above.append(upper)
    return ways


def _order(rows: Sequence[list[_Item]]) -> None:
    """Order every row so that few edges cross: by the mean rank of neighbours, downwards and upwards."""
    for row in rows:
        _rank(row)
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            for item in row:
                near = item.above if sweep % 2 == 0 else item.below
                item.x = sum(each.rank for each in near) / len(near) if near else float(item.rank)
            row.sort(key=lambda item: item.x)  # stable
            _rank(row)


def _rank(row: Sequence[_Item]) -> None:
    for rank, item in enumerate(row):
        item.rank = rank


def _place(rows: Sequence[Sequence[_Item]], beside: float) -> None:
    """Set the middle of every item, first each row alone, then by the neighbours of both sides."""
    for row in rows:
        for item in row:
            item.x = 0.0
        _spread(row, [0.0] * len(row), beside)
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _spread(row, [_wanted(item, sweep) for item in row], beside)


def _wanted(item: _Item, sweep: int) -> float:
    """Where ITEM is drawn to: by the side that a sweep comes from, in the last two by both."""
    near = item.above if sweep % 2 == 0 else item.below
    if sweep >= 2 * SWEEPS - 2 or not near:
        near = [*item.above, *item.below]
    return sum(each.x for each in near) / len(near) if near else item.x


def _spread(row: Sequence[_Item], wanted: Sequence[float], beside: float) -> None:
    """Set the middles of ROW as near to WANTED, in squares by weight, as their order and distance allow."""
    offsets, end = [], 0.0
    for item in row:
        offsets.append(end + item.width / 2)
        end += item.width + beside
    blocks: list[tuple[float, float, int]] = []  # mean, weight, items
    for item, x, offset in zip(row, wanted, offsets, strict=True):
        mean, weight, count = x - offset, item.weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, more, items = blocks.pop()
            mean = (before * more + mean * weight) / (more + weight)
            weight, count = weight + more, count + items
        blocks.append((mean, weight, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    for item, mean, offset in zip(row, means, offsets, strict=True):
        item.x = mean + offset


def _drawn(
    items: Sequence[_Item], ways: Sequence[Sequence[_Item]], rows: Sequence[Sequence[_Item]], below: float
) -> Layered:
    """The picture with its left upper corner at 0, 0."""
    every = [item for row in rows for item in row]
    left = min((item.x - item.width / 2 for item in every), default=0.0)
    width = max((item.x + item.width / 2 for item in every), default=0.0) - left
    heights = [max(item.height for item in row) for row in rows]
    tops = list(accumulate((height + below for height in heights[:-1]), initial=0.0))[: len(rows)]
    ends = [top + height for top, height in zip(tops, heights, strict=True)]
    corners = [(item.x - item.width / 2 - left, tops[item.layer]) for item in items]
    routes = [list(_route(way, tops, ends, left)) for way in ways]
    return Layered(corners, routes, width, ends[-1] if ends else 0.0)


def _route(
    way: Sequence[_Item], tops: Sequence[float], ends: Sequence[float], left: float
) -> Iterator[Point]:
    first, *passed, last = way
    lower = tops[first.layer] + first.height
    yield first.x - left, lower
    if lower < ends[first.layer]:
        yield first.x - left, ends[first.layer]
    for item in passed:
        yield item.x - left, tops[item.layer]
        if tops[item.layer] < ends[item.layer]:
            yield item.x - left, ends[item.layer]
    yield last.x - left, tops[last.layer]
