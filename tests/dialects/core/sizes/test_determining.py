"""Symbols that a need determines: what stands for them, and in which range."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, ceildiv, floordiv, symbol
from glassrt.dialects.core.constraints import Need
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.sizes.outcomes import Conflict, Resized

from .needs import SPAN, WHY, H, K, M, N, T, determined, known, require


def test_a_number_determines_a_symbol() -> None:
    sizes = known(K=SPAN, N=SPAN)
    with pytest.raises(Resized) as change:
        sizes.require_equal(K * N, 8 * N, WHY)
    assert change.value.values == {"K": 8}
    assert determined(sizes) == {"K": "8"} and list(sizes.module.symbols) == ["N"]


def test_a_name_stays_and_what_has_none_goes() -> None:
    for nameless in ("unk__5", "D3"):
        sizes = known(**{nameless: SPAN, "T": SPAN})
        sizes.unnamed.add("D3")
        require(sizes, Need(T, symbol(nameless), WHY, "=="))
        assert determined(sizes) == {nameless: "T"}


def test_of_two_equal_names_both_ranges_count() -> None:
    sizes = known(N=(2, 4, 20), M=(1, 3, 10))
    require(sizes, Need(N, M, WHY, "=="))
    assert determined(sizes) == {"M": "N"}
    assert sizes.module.symbols["N"] == SymbolRange(2, 4, 10)


@pytest.mark.parametrize(
    ("left", "right", "says", "span"),
    [
        (2 * floordiv(T, 2), T, "2*t0", (1, 4, 32)),
        (4 * ceildiv(T, 4), T, "4*t0", (1, 2, 16)),
        (2 * floordiv(T, 2) + 1, T, "2*t0+1", (0, 3, 31)),
    ],
)
def test_a_remainder_determines_a_step(left: Dim, right: Dim, says: str, span: tuple[int, int, int]) -> None:
    sizes = known(T=SPAN)
    require(sizes, Need(left, right, WHY, "=="))
    assert determined(sizes) == {"T": says}
    assert sizes.module.symbols["t0"] == SymbolRange(*span)


def test_two_symbols_in_a_fixed_proportion() -> None:
    sizes = known(T=SPAN, M=SPAN)
    require(sizes, Need(3 * T, 2 * M, WHY, "=="))
    assert determined(sizes) == {"T": "2*m0", "M": "3*m0"}
    assert sizes.module.symbols["m0"] == SymbolRange(1, 2, 21)


def test_steps_of_steps() -> None:
    sizes = known(H=SPAN)
    require(sizes, *(Need(part * floordiv(H, part), H, WHY, "==") for part in (2, 4, 32)))
    assert determined(sizes)["H"] == "32*h2" and sizes.module.symbols["h2"] == SymbolRange(1, 1, 2)


def test_a_number_that_breaks_what_another_node_needs_is_told_with_that_node() -> None:
    sizes = known(K=SPAN, N=SPAN)
    sizes.require_at_least(2 * floordiv(N + 1, 2), N + 1, "N is odd", Location(("pool",)))
    sizes.require_at_least(2 * floordiv(K + 1, 2), K + 1, "K is odd", Location(("other",)))
    with pytest.raises(
        Conflict, match=r"then 'other' requires that K is odd, but 0 >= 1 holds for no sizes$"
    ):
        sizes.require_equal(K, 8, WHY, Location(("split",)))


def test_a_size_outside_the_chosen_range_is_a_conflict_of_ranges() -> None:
    with pytest.raises(Conflict, match=r"K and 8 differ for K in 1\.\.6") as found:
        require(known(K=(1, 3, 6)), Need(K, 8, WHY, "=="))
    assert found.value.ranges
