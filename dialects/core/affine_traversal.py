"""Traversals of affine expressions: substitution, evaluation, symbols and divisors, size, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .affine import Affine, Atom, Dim, FloorDiv, Monomial, Prefix, floordiv, product, total


def map_atoms(dim: Dim, convert: Callable[[Atom], Dim]) -> Dim:
    """DIM with every atom replaced by what CONVERT gives for it."""
    if isinstance(dim, int):
        return dim
    return total(value * product(convert(atom) for atom in monomial) for monomial, value in dim.terms)


def substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """DIM with every symbol in VALUES replaced."""
    if isinstance(dim, int):
        return dim

    def convert(atom: Atom) -> Dim:
        if isinstance(atom, str):
            return values.get(atom, Affine((((atom,), 1),)))
        return floordiv(substitute(atom.numerator, values), substitute(atom.denominator, values))

    return map_atoms(dim, convert)


def evaluate(dim: Dim, values: Mapping[str, int]) -> int:
    """The value of DIM under VALUES. Raises KeyError for a symbol without a value."""
    result = substitute(dim, values) if isinstance(dim, Affine) else dim
    if isinstance(result, Affine):
        raise KeyError(next(iter(sorted(symbols(result)))))
    return result


def divisors(dim: Dim) -> Iterator[Dim]:
    """The non-constant denominators in DIM."""
    for monomial, _ in dim.terms if isinstance(dim, Affine) else ():
        for atom in monomial:
            if isinstance(atom, FloorDiv):
                if not isinstance(atom.denominator, int):
                    yield atom.denominator
                yield from divisors(atom.numerator)
                yield from divisors(atom.denominator)


def linear_symbol(dim: Dim) -> tuple[str, int, int] | None:
    """(symbol, factor, offset) if DIM is factor * symbol + offset, so that DIM's value determines the
    symbol's."""
    if not isinstance(dim, Affine) or len(dim.terms) > 2:
        return None
    offset = dict(dim.terms).get((), 0)
    found = sole_symbol(dim - offset)
    return None if found is None or found[1] <= 0 else (*found, offset)


def sole_symbol(dim: Dim) -> tuple[str, int] | None:
    """(symbol, factor) if DIM is a multiple of one symbol, so that DIM's value determines the symbol's."""
    if isinstance(dim, Affine) and len(dim.terms) == 1 and len(dim.terms[0][0]) == 1:
        (atom,), factor = dim.terms[0]
        return (atom, factor) if isinstance(atom, str) else None
    return None


def symbols(dim: Dim) -> set[str]:
    """The names of all symbols in DIM."""
    found: set[str] = set()
    pending = [dim]
    while pending:
        current = pending.pop()
        if isinstance(current, int):
            continue
        for monomial, _ in current.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    pending += [atom.numerator, atom.denominator]
    return found


def to_json(dim: Dim) -> Prefix:
    """DIM in the JSON prefix form of plan manifests: ["*", "N", 4]."""
    if isinstance(dim, int):
        return dim
    parts = [_term_json(monomial, value) for monomial, value in dim.terms]
    return parts[0] if len(parts) == 1 else ["+", *parts]


def _term_json(monomial: Monomial, value: int) -> Prefix:
    factors: list[Prefix] = [
        atom if isinstance(atom, str) else ["floordiv", to_json(atom.numerator), to_json(atom.denominator)]
        for atom in monomial
    ]
    if value != 1 or not factors:
        factors.append(value)
    return factors[0] if len(factors) == 1 else ["*", *factors]


def measure(dim: Dim) -> tuple[int, int]:
    """Size of DIM: the number of its atoms and terms, and its largest coefficient. Bounds the cost of working
    with it."""
    parts = largest = 0
    pending = [dim]
    while pending:
        current = pending.pop()
        if isinstance(current, int):
            largest = max(largest, abs(current))
            continue
        for monomial, value in current.terms:
            parts += 1 + len(monomial)
            largest = max(largest, abs(value))
            for atom in monomial:
                if isinstance(atom, FloorDiv):
                    pending += [atom.numerator, atom.denominator]
    return parts, largest
