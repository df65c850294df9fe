"""Proofs about sizes: by ranges, by constraints, by looking at all values; and nothing that is not so."""

from __future__ import annotations

from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.constraints import Derived, at_least, equal
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.sizes.proofs import Proofs
from hypothesis import given
from hypothesis import strategies as st

M, N = symbol("M"), symbol("N")
SMALL = st.integers(-4, 4)


def module(most: int = 6) -> Module:
    return Module("net", symbols={name: SymbolRange(1, 2, most) for name in "NM"})


@given(SMALL, SMALL, SMALL, st.integers(2, 4))
def test_what_is_proved_holds_at_every_value(a: int, b: int, c: int, by: int) -> None:
    dim = a * N + b * floordiv(N + M, by) + c
    values = [evaluate(dim, {"N": n, "M": m}) for n in range(1, 7) for m in range(1, 7)]
    proofs = Proofs(module())
    assert proofs.proves(dim) == (min(values) >= 0)
    signs = {(value > 0) - (value < 0) for value in values}
    assert proofs.sign(dim) == (signs.pop() if len(signs) == 1 else None)


def test_ranges_too_large_to_look_at_are_bounded() -> None:
    proofs = Proofs(module(1 << 30))
    assert proofs.proves(N * M - 1) and not proofs.proves(N - M) and not proofs.proves(N - 2)
    assert proofs.bounded(floordiv(N + 7, 8) * 8 - N) and not proofs.bounded(floordiv(N, 8) * 8 - N)
    assert proofs.bounded(M - N, {"M": (5, None), "N": (0, 5)})
    assert proofs.proves(0) and not proofs.proves(-1)


def test_constraints_and_definitions_are_facts() -> None:
    made = module(1 << 30)
    made.constraints.append(at_least(N - 2 * M))
    made.symbols["S"] = SymbolRange(1, 2, 1 << 30)
    made.derived["S"] = Derived("min", (N, M))
    proofs = Proofs(made)
    assert proofs.proves(N - 2 * M) and proofs.proves(2 * N - 4 * M) and not proofs.proves(N - 3 * M)
    assert not proofs.proves(2 * M - N)
    assert proofs.proves(M - symbol("S")) and not proofs.proves(symbol("S") - M)
    made.derived["S"] = Derived("max", (N, M))
    proofs.forget()
    assert proofs.proves(symbol("S") - M) and not proofs.proves(M - symbol("S"))


def test_an_equality_is_a_fact_in_both_directions() -> None:
    made = module(1 << 30)
    made.constraints.append(equal(N - 3 * M))
    proofs = Proofs(made)
    assert proofs.proves(N - 3 * M) and proofs.proves(3 * M - N) and proofs.sign(N - 3 * M) == 0
    assert proofs.proves(2 * N - 6 * M + 1) and not proofs.proves(N - 4 * M)


def test_what_was_proved_is_forgotten_when_asked() -> None:
    made = module()
    proofs = Proofs(made)
    dim: Dim = 6 - N
    assert proofs.proves(dim)
    made.symbols["N"] = SymbolRange(1, 2, 9)
    assert proofs.proves(dim)
    proofs.forget()
    assert not proofs.proves(dim)
