"""Places of boxes: in layers, apart from each other, with edges between them."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from glassrt.compiler.report.pictures.layers import BELOW, BESIDE, Layered, layered

SIZES = [(20.0, 10.0), (60.0, 40.0), (30.0, 90.0)]


def random_graph(seed: int, count: int) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    """Boxes that read one to three earlier ones, most of them near."""
    draw = random.Random(seed)
    edges = {
        (max(0, at - 1 - int(draw.expovariate(0.4))), at)
        for at in range(1, count)
        for _ in range(draw.randint(1, 3))
    }
    return [SIZES[draw.randrange(3)] for _ in range(count)], sorted(edges)


def overlapping(found: Layered, sizes: list[tuple[float, float]]) -> list[tuple[int, int]]:
    boxes = list(zip(found.corners, sizes, strict=True))
    return [
        (one, other)
        for one, ((x, y), (width, height)) in enumerate(boxes)
        for other, ((u, v), (wide, high)) in enumerate(boxes[:one])
        if x < u + wide and u < x + width and y < v + high and v < y + height
    ]


@pytest.mark.parametrize("seed", range(5))
def test_boxes_are_apart_and_edges_go_down_between_them(seed: int) -> None:
    sizes, edges = random_graph(seed, 60)
    found = layered(sizes, edges)
    assert overlapping(found, sizes) == []
    boxes = [(x, y, w, h) for (x, y), (w, h) in zip(found.corners, sizes, strict=True)]
    assert all(x >= 0 and x + w <= found.width + 1e-6 for x, _, w, _ in boxes)
    assert max(y + h for _, y, _, h in boxes) == pytest.approx(found.height)
    for (source, target), route in zip(edges, found.routes, strict=True):
        x, y, width, height = boxes[source]
        assert route[0] == pytest.approx((x + width / 2, y + height))
        x, y, width, height = boxes[target]
        assert route[-1] == pytest.approx((x + width / 2, y))
        assert all(one[1] <= other[1] for one, other in pairwise(route))
        # Where a route passes a layer it is upright, and no box is in its way.
        for px, py in route[1:-1]:
            assert not any(u < px < u + wide and v < py < v + high for u, v, wide, high in boxes)


def test_a_layer_is_the_longest_way_and_sources_stand_by_their_readers() -> None:
    sizes = [(10.0, 10.0)] * 6
    # 0 -> 1 -> 2 -> 4, 0 -> 4, and 3, 5 are sources that 4 alone, or nothing, reads.
    found = layered(sizes, [(0, 1), (1, 2), (2, 4), (0, 4), (3, 4)])
    layer = [y / (10 + BELOW) for _, y in found.corners]
    assert layer == [0, 1, 2, 2, 3, 0]
    assert layered([], []) == Layered([], [], 0.0, 0.0)


def test_a_chain_is_straight_and_what_is_beside_it_keeps_its_distance() -> None:
    chain = layered([(20.0, 10.0)] * 9, [(at, at + 1) for at in range(8)])
    assert {x for x, _ in chain.corners} == {0.0} and chain.width == 20
    pair = layered([(20.0, 10.0)] * 3, [(0, 1), (0, 2)], beside=7)
    assert sorted(x for x, _ in pair.corners) == [0.0, 13.5, 27.0]
    assert BESIDE > 0


def test_an_order_without_crossings_is_found() -> None:
    """Pairs that were given crosswise are put straight: no two routes change sides."""
    edges = [(at, 7 - at) for at in range(4)]
    found = layered([(10.0, 10.0)] * 8, edges)
    tops = [found.routes[at][0][0] for at in range(4)]
    ends = [found.routes[at][-1][0] for at in range(4)]
    assert sorted(range(4), key=lambda at: tops[at]) == sorted(range(4), key=lambda at: ends[at])


def test_the_same_graph_has_the_same_places() -> None:
    sizes, edges = random_graph(3, 200)
    assert layered(sizes, edges) == layered(sizes, edges)
