"""Rewrites of inequalities DIM >= 0, and conclusions from them."""

from __future__ import annotations

from ..affine import Affine, Dim, FloorDiv, exact_div, symbol
from ..affine_traversal import symbols


def without_division(dim: Dim) -> Dim | None:
    """A multiple of a lower bound of DIM with one division less; None if no division can be replaced.

    Uses (a - b + 1) / b <= floor(a / b) <= a / b.
    """
    for monomial, factor in dim.terms if isinstance(dim, Affine) else ():
        atom = monomial[0] if len(monomial) == 1 else None
        if isinstance(atom, FloorDiv) and isinstance(atom.denominator, int):
            by = atom.denominator
            rest = dim - Affine(((monomial, factor),))
            least = atom.numerator if factor < 0 else atom.numerator - by + 1
            return rest * by + least * factor
    return None


def multiples(fact: Affine, dim: Affine) -> list[Dim]:
    """The factors by which a term of FACT becomes a term of DIM; 1 first."""
    found: dict[Dim, None] = {1: None}
    for monomial, factor in fact.terms:
        for other, value in dim.terms if monomial else ():
            times = exact_div(Affine(((other, value),)), Affine(((monomial, factor),))) if other else None
            if times is not None:
                found[times] = None
    return list(found)


def peeled(dim: Dim) -> Dim:
    """Rewrite DIM >= 0 without a division that is a term of its own: floor(x / d) >= m becomes x >= m * d."""
    while isinstance(dim, Affine):
        terms = dict(dim.terms)
        constant = terms.pop((), 0)
        if len(terms) != 1:
            return dim
        ((monomial, factor),) = terms.items()
        atom = monomial[0] if len(monomial) == 1 else ""
        if isinstance(atom, str) or not isinstance(atom.denominator, int):
            return dim
        if factor > 0:
            dim = atom.numerator - -(constant // factor) * atom.denominator
        else:
            dim = (constant // -factor + 1) * atom.denominator - 1 - atom.numerator
    return dim


def alone(dim: Dim) -> list[tuple[str, int]]:
    """The symbols that occur in DIM only as one linear term, with their coefficients."""
    if isinstance(dim, int):
        return []
    found = [(m[0], factor) for m, factor in dim.terms if len(m) == 1 and isinstance(m[0], str)]
    return [(name, k) for name, k in found if name not in symbols(dim - symbol(name) * k)]


def factors_of(dim: Dim) -> list[Dim]:
    """The sizes that must be at least 1 for DIM to be at least 0: both of them in batch*seq - 1."""
    if not isinstance(dim, Affine) or len(dim.terms) != 2 or dim.terms[1][0] != ():
        return []
    (monomial, factor), (_, constant) = dim.terms
    return [Affine((((atom,), 1),)) for atom in dict.fromkeys(monomial)] if 0 < -constant <= factor else []
