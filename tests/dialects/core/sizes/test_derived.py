"""Symbols that are derived from others, as long as they are not certain."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.constraints import Need
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.sizes.outcomes import Resized

from .needs import SPAN, WHY, K, M, N, constraints, known, require


def test_what_is_certain_is_not_derived() -> None:
    sizes = known(N=(4, 8, 64))
    assert sizes.derive("min", N, 3) == 3
    assert sizes.derive("max", N, 3) == N
    assert sizes.derive("min", N, 100) == N
    assert sizes.derive("select", N - 4, M, K) == M
    assert sizes.derive("min", 3, 5) == 3
    assert not sizes.module.derived


def test_one_definition_is_one_symbol_with_its_range() -> None:
    sizes = known(N=SPAN)
    first = sizes.derive("min", N, 10)
    assert first == sizes.derive("min", 10, N) == symbol("S0")
    assert sizes.module.symbols["S0"] == SymbolRange(1, 8, 10)
    assert sizes.proves(10 - first) and sizes.proves(N - first)


def test_no_derived_symbol_stands_for_what_is_below_zero() -> None:
    sizes = known(N=SPAN)
    found = sizes.derive("max", -1 * N, -10)
    assert found == -1 * symbol("S0") and str(sizes.module.derived["S0"]) == "min(N, 10)"
    assert sizes.derive("select", N - 4, -1 * N, -2) == -1 * symbol("S1")
    assert str(sizes.module.derived["S1"]) == "select(N-4, N, 2)"


def test_a_constraint_makes_a_derived_symbol_certain() -> None:
    sizes = known(N=SPAN)
    sizes.derive("min", N, 10)
    with pytest.raises(Resized) as change:
        sizes.require(Need(9, N, WHY))
    assert change.value.values == {"S0": N} and not sizes.module.derived


def test_all_that_was_replaced_is_told() -> None:
    sizes = known(N=SPAN, M=SPAN)
    sizes.derive("max", sizes.derive("min", N, M), 2)
    with pytest.raises(Resized) as change:
        sizes.require(Need(N, 1, WHY, "=="))
    assert change.value.values == {"N": 1, "S0": 1, "S1": 2}


def test_a_derived_symbol_goes_where_it_becomes_certain() -> None:
    sizes = known(N=SPAN, M=SPAN)
    cut = sizes.derive("min", N, 10)
    sizes.module.constraints.clear()
    require(sizes, Need(M, cut + 1, WHY), Need(N, 4, WHY, "=="))
    assert not sizes.module.derived and constraints(sizes) == ["M >= 5"]
