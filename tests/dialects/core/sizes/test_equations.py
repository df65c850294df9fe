"""Which symbol an equation between sizes determines."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, ceildiv, floordiv, symbol
from glassrt.dialects.core.constraints import Derived
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.sizes.equations import Solution, solved, without_common_factors

A, B, C, K, N = (symbol(name) for name in "ABCKN")
MODULE = Module("net", symbols={name: SymbolRange(1, 8, 64) for name in "ABCKN"})
PLAIN: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("dim", "found"),
    [
        (N - 8, Solution("N", 8)),
        (8 - N, Solution("N", 8)),
        (A - B, Solution("B", A)),  # the one that is declared last goes
        (N - 2 * A - 1, Solution("N", 2 * A + 1)),
        (2 * N - 4 * A, Solution("N", 2 * A)),
        (3 * A - 2 * B, Solution("A", step=2)),
        (N - 2 * floordiv(N, 2), Solution("N", step=2)),
        (N - 2 * floordiv(N, 2) - 1, Solution("N", step=2, start=1)),
        (4 * ceildiv(N, 4) - N, Solution("N", step=4)),
        (2 * floordiv(N, 4) - floordiv(N, 2), None),  # N is 4*k or 4*k+1
        (A * B - C * K, None),
        (A * B - 12, None),
        (5, None),
    ],
)
def test_solutions(dim: Dim, found: Solution | None) -> None:
    assert solved(dim, MODULE, PLAIN) == found


def test_what_nobody_chose_a_range_for_goes_first() -> None:
    assert solved(A - B, MODULE, frozenset({"A"})) == Solution("A", B)


def test_a_derived_symbol_is_never_solved_for_nor_what_it_depends_on() -> None:
    module = Module("net", symbols=dict(MODULE.symbols))
    module.symbols["S0"] = SymbolRange(1, 8, 10)
    module.derived["S0"] = Derived("min", (N, 10))
    cut = symbol("S0")
    assert solved(cut - 4, module, PLAIN) is None
    assert solved(cut - N, module, PLAIN) is None
    assert solved(cut - A, module, PLAIN) == Solution("A", cut)


def test_solutions_are_in_the_range() -> None:
    """2*floordiv(N, 4) == floordiv(N, 2) leaves one remainder where N is 5 at most and 4 at least."""
    module = Module("net", symbols={"N": SymbolRange(6, 6, 8)})
    assert solved(2 * floordiv(N, 4) - floordiv(N, 2), module, PLAIN) == Solution("N", step=4)


@pytest.mark.parametrize(
    ("dim", "kept", "reduced"),
    [
        (N * K - 8 * N, PLAIN, K - 8),
        (6 * N - 4 * A, PLAIN, 3 * N - 2 * A),
        (N * N * K - N * N * 8, PLAIN, K - 8),
        (N * K - 8 * N, frozenset({"N"}), N * K - 8 * N),
        (N * floordiv(A, 2) - B * floordiv(A, 2), PLAIN, N - B),
        (N + 1, PLAIN, N + 1),
        (7, PLAIN, 7),
    ],
)
def test_common_factors(dim: Dim, kept: frozenset[str], reduced: Dim) -> None:
    assert without_common_factors(dim, kept) in (reduced, -1 * reduced)


def test_what_is_found_is_said() -> None:
    assert [Solution("N", 2 * A).dim_text, Solution("N", step=3).dim_text] == ["2*A", "3*k"]
    assert Solution("N", step=3, start=1).dim_text == "3*k+1"
