"""The most that a size can be: by ranges, and by what constraints make equal to it."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.constraints import Constraint, equal
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.sizes.most import most

A, B, N = map(symbol, "abn")


def module(*constraints: Constraint, held: bool = True) -> Module:
    made = Module(symbols={name: SymbolRange(0, 8, 64) for name in "abn"})
    made.contents = {"shape": (A, B)} if held else {}
    made.constraints = list(constraints)
    return made


@pytest.mark.parametrize(
    ("dim", "high"),
    [(12, 12), (A, 64), (A * B, 12), (A * B * 4, 48), (A * B * N, 12 * 64), (A * N, 4096), (A * B + A, 4160)],
)
def test_what_equals_a_size_bounds_it(dim: Dim, high: int) -> None:
    assert most(dim, module(equal(A * B - 12))) == high


def test_the_least_of_several_bounds_counts() -> None:
    assert most(A * B, module(equal(A * B - N), equal(A * B - 3 * N), equal(A * B - 7))) == 7
    assert most(A * B, module(Constraint(A * B, "stretches", 5), Constraint(12, ">=", A * B))) == 4096


def test_without_contents_ranges_alone_bound() -> None:
    assert most(A * B, module(equal(A * B - 12), held=False)) == 4096


def test_a_symbol_without_a_range_has_no_bound() -> None:
    assert most(symbol("free"), module()) is None
