"""DIM >= 0 in other forms, and what may be taken from it."""

from __future__ import annotations

from ..affine import Affine, Dim, FloorDiv, exact_div, symbol, symbols


def without_division(dim: Dim) -> Dim | None:
    """A multiple of a lower bound of DIM with one division less; None when none can be replaced.

    floor(a / b) lies between (a - b + 1) / b and a / b.
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
    """What FACT may be multiplied by for one of its terms to be one of DIM's; 1 first."""
    found: dict[Dim, None] = {1: None}
    for monomial, factor in fact.terms:
        for other, value in dim.terms if monomial else ():
            times = exact_div(Affine(((other, value),)), Affine(((monomial, factor),))) if other else None
            if times is not None:
                found[times] = None
    return list(found)


def peeled(dim: Dim) -> Dim:
    """DIM >= 0 without a division that stands alone: floor(x / d) >= m is x >= m * d."""
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
    """The symbols that DIM has a multiple of and does not hold otherwise, with their factors."""
    if isinstance(dim, int):
        return []
    found = [(m[0], factor) for m, factor in dim.terms if len(m) == 1 and isinstance(m[0], str)]
    return [(name, k) for name, k in found if name not in symbols(dim - symbol(name) * k)]


def factors_of(dim: Dim) -> list[Dim]:
    """The sizes that are at least 1 where DIM is at least 0: both of them in batch*seq - 1."""
    if not isinstance(dim, Affine) or len(dim.terms) != 2 or dim.terms[1][0] != ():
        return []
    (monomial, factor), (_, constant) = dim.terms
    return [Affine((((atom,), 1),)) for atom in dict.fromkeys(monomial)] if 0 < -constant <= factor else []
