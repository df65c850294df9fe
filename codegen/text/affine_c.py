"""Prints symbolic integers (sizes, offsets, indices) as C expressions."""

from __future__ import annotations

from collections.abc import Mapping

from ...dialects.core.affine import Atom, Dim, FloorDiv, Monomial, floordiv


def dim_to_c(dim: Dim, names: Mapping[str, str]) -> str:
    """DIM as a C expression; NAMES gives the C variable of each symbol (KeyError for one without).

    Floor divisions become C's `/`, which agrees with them because dividends are never negative.
    """
    if isinstance(dim, int):
        return str(dim)
    terms = dict(dim.terms)
    parts = [f"{value}*({text})" if value != 1 else text for value, text in _remainders(terms, names)]
    for monomial, value in terms.items():
        parts.append(_term(monomial, value, names))
    text = parts[0]
    for part in parts[1:]:
        text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
    return text


def factor_to_c(dim: Dim, names: Mapping[str, str]) -> str:
    """DIM as a C expression with parentheses where needed as an operand of `*`, `/` or `%`."""
    text = dim_to_c(dim, names)
    return f"({text})" if "*" in text or " " in text or text.startswith("-") else text


def _dividend_to_c(dim: Dim, names: Mapping[str, str]) -> str:
    """DIM as the left operand of `/` or `%`, where a product needs no parentheses."""
    text = dim_to_c(dim, names)
    return f"({text})" if " " in text or text.startswith("-") else text


def _remainders(terms: dict[Monomial, int], names: Mapping[str, str]) -> list[tuple[int, str]]:
    """Removes every pair of terms `s*(x - d*floor(x/d))` from TERMS; returns each as (s, "x % d")."""
    found: list[tuple[int, str]] = []
    for monomial in [m for m in terms if len(m) == 1 and isinstance(m[0], FloorDiv)]:
        if monomial not in terms:
            continue
        for dividend, divisor in _dividends(monomial[0], terms):
            scale, exact = divmod(-terms[monomial], divisor)
            if exact == 0 and scale > 0 and _take(terms, dividend, scale):
                del terms[monomial]
                found.append((scale, f"{_dividend_to_c(dividend, names)} % {divisor}"))
                break
    return found


def _dividends(atom: Atom, terms: Mapping[Monomial, int]) -> list[tuple[Dim, int]]:
    """All pairs (x, d) such that ATOM is floor(x / d).

    If ATOM is floor(y / (a*d)) and TERMS has floor(y / a), then x may also be floor(y / a).
    """
    if not isinstance(atom, FloorDiv) or not isinstance(atom.denominator, int):
        return []
    pairs: list[tuple[Dim, int]] = [(atom.numerator, atom.denominator)]
    for monomial in terms:
        other = monomial[0] if len(monomial) == 1 else None
        if isinstance(other, FloorDiv) and isinstance(other.denominator, int) and other != atom:
            quotient, exact = divmod(atom.denominator, other.denominator)
            if exact == 0:
                pairs.append((floordiv(atom.numerator, other.denominator), quotient))
    return pairs


def _take(terms: dict[Monomial, int], dividend: Dim, scale: int) -> bool:
    """Removes SCALE*DIVIDEND from TERMS if all its terms are there; returns whether they were."""
    if isinstance(dividend, int) or any(terms.get(m) != value * scale for m, value in dividend.terms):
        return False
    for monomial, _ in dividend.terms:
        del terms[monomial]
    return True


def _term(monomial: Monomial, value: int, names: Mapping[str, str]) -> str:
    factors = [_atom(atom, names) for atom in monomial]
    if abs(value) != 1 or not factors:
        factors.append(str(abs(value)))
    return ("-" if value < 0 else "") + "*".join(factors)


def _atom(atom: Atom, names: Mapping[str, str]) -> str:
    if isinstance(atom, str):
        return names[atom]
    return f"({_dividend_to_c(atom.numerator, names)} / {factor_to_c(atom.denominator, names)})"


def dim_names(symbols: Mapping[str, str] | list[str]) -> dict[str, str]:
    """C parameter names s0, s1, ... for SYMBOLS, assigned in sorted order."""
    return {name: f"s{i}" for i, name in enumerate(sorted(symbols))}
