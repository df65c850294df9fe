"""What passes share that make one launch of several."""

from __future__ import annotations

import pytest
from glassrt.compiler.schedule.joining import joins_first, place_of, product_of
from glassrt.dialects.graph.activations import Relu
from glassrt.testing.net import Net

from .chaining.test_draft import launches, pointwise


@pytest.mark.parametrize(
    ("needs", "group", "place"),
    [
        ([{}, {0}, {1}], [0, 1, 2], 0),
        ([{}, {0}, {}, {1}], [0, 1, 3], 0),
        ([{}, {0}, {}, {1, 2}], [0, 1, 3], 3),  # the last one needs what is launched between
        ([{}, {0}, {1}, {1, 2}], [0, 1, 3], None),  # and that needs one of them
        ([{}, {0}, {1}, {2, 0}], [1, 2, 3], 1),
    ],
)
def test_launches_are_one_where_what_is_between_allows_it(
    needs: list[set[int]], group: list[int], place: int | None
) -> None:
    assert place_of(needs, group) == place


def test_only_contractions_that_read_a_buffer_once_join_it() -> None:
    first, second, _ = pointwise(64, 64, 32)
    assert product_of(first) is not None
    assert joins_first(second, first.writes[0]) and not joins_first(second, second.reads[1])
    net = Net()
    found = launches(net.done(net.add(Relu, net.input("x", 2, 64, 6, 6))))
    assert product_of(found[0]) is None and not joins_first(found[0], found[0].reads[0])
