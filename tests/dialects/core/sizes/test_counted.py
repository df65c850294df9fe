"""Sizes that data decides: what holds for all of them is required of their bounds, the rest is refused."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import floordiv, symbol
from glassrt.dialects.core.sizes.counted import DependsOnData
from glassrt.dialects.core.sizes.outcomes import Resized
from glassrt.dialects.core.sizes.sizes import Sizes

from .test_sizes import WHY, constraints, known

N = symbol("N")


def sizes_of(low: int = 0, high: int = 64) -> Sizes:
    return known(N=(low, min(high, 8), high))


def test_a_count_is_between_0_and_its_bound() -> None:
    sizes = sizes_of(1, 10)
    count = sizes.count(3 * N)
    assert sizes.ranges["n0"] == (0, 30)
    assert sizes.counted.within(count + N) == {"n0"}
    assert not sizes.counted.within(N)
    assert sizes.counted.largest(2 * count + N) == 7 * N
    assert sizes.counted.largest(floordiv(count, 2)) == floordiv(3 * N, 2)


def test_a_count_that_is_never_0_where_its_bound_is_not() -> None:
    sizes = sizes_of()
    count = sizes.count(N, sizes.derive("min", N, 1))
    sizes.require_at_least(count * N, N, WHY)
    assert constraints(sizes) == []
    with pytest.raises(DependsOnData):
        sizes.require_at_least(count, 2, WHY)
    assert sizes_of(1).count(N, 1) == symbol("n0")


def test_what_is_derived_from_counts_has_a_largest_size() -> None:
    sizes = sizes_of()
    count = sizes.count(N)
    few = sizes.derive("min", count, 10)
    assert sizes.counted.within(few) == {str(few)}
    assert sizes.counted.largest(few) == sizes.derive("min", N, 10)
    for shrinking in (N - count, 64 - few, sizes.derive("select", count - 3, count, 7)):
        with pytest.raises(DependsOnData):
            sizes.counted.largest(shrinking)


def test_what_shrinks_is_largest_for_the_least_counts() -> None:
    sizes = sizes_of()
    count = sizes.count(N)
    few = sizes.derive("min", count, 10)
    for size, most in ((20 - few, 20), (4 * N - 2 * count, 4 * N), (few + 3, sizes.counted.largest(few) + 3)):
        assert sizes.counted.most(size) == most
    assert [sizes.counted.shrinks(size) for size in (20 - few, N, count, count - few)] == [
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(DependsOnData):
        sizes.counted.most(count - few)


def test_what_holds_for_every_count_is_no_constraint() -> None:
    sizes = sizes_of(0, 10**6)
    count = sizes.count(N)
    inner = sizes.count(4 * count)
    sizes.require_at_least(N, count, WHY)
    sizes.require_at_least(N * count, count, WHY)  # an index in a tensor of N elements for each of the count
    sizes.require_at_least(4 * count * inner, inner, WHY)
    few = sizes.derive("min", count, 10)
    kept = sizes.count(few)
    sizes.require_at_least(count * kept, kept, WHY)
    sizes.require_at_least(few * kept, kept, WHY)
    assert constraints(sizes) == []


def test_positions_in_what_is_put_together_of_counts_are_certain() -> None:
    sizes = sizes_of()
    one, other = sizes.count(N), sizes.derive("min", sizes.count(N), 5)
    kept = sizes.count(one + 2 * other)
    sizes.require_at_least((one + other) * sizes.derive("min", kept, 10), sizes.derive("min", kept, 10), WHY)
    # As many indices as there are elements, and some in a tensor of two parts.
    sizes.require_at_least((one + other) * (one + other), one + other, WHY)
    sizes.require_at_least((one + other) * (3 * kept), 2 * kept, WHY)
    assert constraints(sizes) == []
    with pytest.raises(DependsOnData):
        sizes.require_at_least((one + other) * one, one + other, WHY)
    with pytest.raises(DependsOnData):
        sizes.require_at_least(one * kept, kept, WHY)  # none of the one, but some of the other
    with pytest.raises(DependsOnData):
        sizes.require_at_least((one + other) * kept, 2 * kept, WHY)


def test_what_the_bound_needs_is_a_constraint_on_it() -> None:
    sizes = sizes_of()
    sizes.require_at_least(40, sizes.count(2 * N), WHY)
    assert constraints(sizes) == ["20 >= N"]


@pytest.mark.parametrize("name", ["at least", "equal", "two counts", "broadcast", "not linear"])
def test_what_holds_for_some_counts_is_refused(name: str) -> None:
    sizes = sizes_of()
    count, other = sizes.count(N), sizes.count(N)
    with pytest.raises(DependsOnData, match="depends on data"):
        if name == "at least":
            sizes.require_at_least(count, 1, WHY)
        elif name == "equal":
            sizes.require_equal(count, N, WHY)
        elif name == "two counts":
            sizes.require_at_least(count, other, WHY)
        elif name == "broadcast":
            sizes.require_broadcast(count, N, WHY)
        else:
            sizes.require_at_least(count * count, 3, WHY)
    assert constraints(sizes) == []


def test_a_bound_follows_what_is_found_about_sizes() -> None:
    sizes = sizes_of()
    count = sizes.count(3 * N)
    with pytest.raises(Resized):
        sizes.require_equal(N, 8, WHY)
    assert sizes.counted.largest(count) == 24
