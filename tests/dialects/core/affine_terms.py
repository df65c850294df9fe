"""Random affine expressions, each with what it means on integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from glassrt.dialects.core.affine import Affine, Dim, FloorDiv, symbol
from hypothesis import strategies as st

NAMES = ("N", "M2", "seq_len")
N, M, S = (symbol(name) for name in NAMES)


@dataclass(frozen=True)
class Term:
    """A Dim and what it means, computed on plain integers beside it."""

    dim: Dim
    meaning: Callable[[Mapping[str, int]], int]

    def __repr__(self) -> str:
        return f"Term({self.dim})"


def _symbol_term(name: str) -> Term:
    return Term(symbol(name), lambda values: values[name])


def _number_term(number: int) -> Term:
    return Term(number, lambda values: number)


def _combined(pair: tuple[str, Term, Term]) -> Term:
    kind, a, b = pair
    if kind == "+":
        return Term(a.dim + b.dim, lambda values: a.meaning(values) + b.meaning(values))
    if kind == "-":
        return Term(a.dim - b.dim, lambda values: a.meaning(values) - b.meaning(values))
    return Term(a.dim * b.dim, lambda values: a.meaning(values) * b.meaning(values))


def _divided(pair: tuple[str, Term, Term]) -> Term:
    kind, a, b = pair
    if kind == "//":
        return Term(a.dim // b.dim, lambda values: a.meaning(values) // b.meaning(values))
    return Term(a.dim % b.dim, lambda values: a.meaning(values) % b.meaning(values))


NUMBERS = st.integers(-24, 24).map(_number_term)
SYMBOLS = st.sampled_from(NAMES).map(_symbol_term)
POSITIVE = st.one_of(
    st.integers(1, 12).map(_number_term),
    SYMBOLS,
    st.tuples(st.just("+"), SYMBOLS, st.integers(0, 3).map(_number_term)).map(_combined),
    st.tuples(st.just("*"), SYMBOLS, st.integers(1, 6).map(_number_term)).map(_combined),
)


def _grow(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.one_of(
        st.tuples(st.sampled_from("+-*"), inner, inner).map(_combined),
        st.tuples(st.sampled_from(["//", "%"]), inner, POSITIVE).map(_divided),
    )


TERMS = st.recursive(st.one_of(NUMBERS, SYMBOLS), _grow, max_leaves=8)
DIMS = TERMS.map(lambda term: term.dim)
VALUES = st.fixed_dictionaries({name: st.integers(1, 40) for name in NAMES})


def divisions(dim: Dim) -> list[FloorDiv]:
    """All divisions in DIM, at any depth."""
    found: list[FloorDiv] = []
    pending = [dim]
    while pending:
        current = pending.pop()
        if isinstance(current, Affine):
            atoms = [atom for monomial, _ in current.terms for atom in monomial]
            inner = [atom for atom in atoms if isinstance(atom, FloorDiv)]
            found += inner
            pending += [part for atom in inner for part in (atom.numerator, atom.denominator)]
    return found
