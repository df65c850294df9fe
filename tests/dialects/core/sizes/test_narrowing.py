"""Constraints, and the ranges that they narrow."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, floordiv
from glassrt.dialects.core.constraints import Need
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.sizes.outcomes import Conflict, GivesWay

from .needs import SPAN, WHY, M, N, constraints, known, require


@pytest.mark.parametrize(
    ("left", "right", "text", "span"),
    [
        (N, 7, "N >= 7", (7, 8, 64)),
        (10, N, "10 >= N", (1, 8, 10)),
        (4 * N, 10, "N >= 3", (3, 8, 64)),
        (floordiv(N, 4), 3, "N >= 12", (12, 12, 64)),
        (floordiv(N - 3, 2) + 1, 1, "N >= 3", (3, 8, 64)),
        (5, floordiv(N + 1, 2), "10 >= N", (1, 8, 10)),
    ],
)
def test_what_holds_for_some_sizes_is_a_constraint_that_narrows(
    left: Dim, right: Dim, text: str, span: tuple[int, int, int]
) -> None:
    sizes = known(N=SPAN)
    require(sizes, Need(left, right, WHY))
    assert constraints(sizes) == [text]
    assert sizes.module.symbols["N"] == SymbolRange(*span)


def test_the_stronger_constraint_is_kept() -> None:
    for order in ((2, 4), (4, 2)):
        sizes = known(N=SPAN)
        require(sizes, *(Need(N, least, WHY) for least in order))
        assert constraints(sizes) == ["N >= 4"]


def test_constraints_of_two_symbols_narrow_both() -> None:
    sizes = known(N=SPAN, M=SPAN)
    require(sizes, Need(10, N + M, WHY))
    assert constraints(sizes) == ["10 >= M+N"]
    assert sizes.module.symbols["N"].maximum == sizes.module.symbols["M"].maximum == 9


def test_a_range_that_nobody_chose_gives_way() -> None:
    sizes = known("N", N=SPAN)
    with pytest.raises(GivesWay) as wider:  # the import begins anew, with a range that reaches so far
        require(sizes, Need(N, 100, WHY))
    assert (wider.value.name, wider.value.least) == ("N", 100)
    with pytest.raises(Conflict) as found:
        require(known(N=SPAN), Need(N, 100, WHY))
    assert found.value.ranges
