"""Solves an equation between sizes for one symbol."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import reduce
from math import gcd, lcm, prod

from ..affine import Affine, Atom, Dim, FloorDiv, exact_div, symbol
from ..affine_traversal import substitute, symbols
from ..bounds import Range, bounds
from ..module import Module
from .values import closure

MOST_RESIDUES = 4096


@dataclass(frozen=True)
class Solution:
    """The symbol NAME equals DIM; with STEP, it equals STEP * k + START for a new symbol k."""

    name: str
    dim: Dim = 0
    step: int | None = None
    start: int = 0

    @property
    def dim_text(self) -> str:
        """The solution as text, for a message."""
        if self.step is None:
            return str(self.dim)
        return f"{self.step}*k" + (f"+{self.start}" if self.start else "")


def solved(
    dim: Dim, module: Module, defaults: Set[str], unnamed: Callable[[str], bool] = lambda name: False
) -> Solution | None:
    """The symbol of MODULE that DIM == 0 determines; None if the equation is not that simple.

    DEFAULTS are the symbols whose range the user did not choose; UNNAMED are those without a name in the
    model.
    """
    if isinstance(dim, int):
        return None
    found = _linear(dim, module, defaults, unnamed) or _stepped(dim, module)
    return found or _by_residues(dim, module, defaults)


def without_common_factors(dim: Dim, kept: Set[str] = frozenset()) -> Dim:
    """DIM divided by the number, and by the sizes other than KEPT, that are factors of all its terms."""
    if isinstance(dim, int):
        return dim
    common = [atom for atom in dim.terms[0][0] if atom not in kept]
    for monomial, _ in dim.terms[1:]:
        common = [atom for atom in common if atom in monomial]
    for atom in dict.fromkeys(common):
        shorter = exact_div(dim, Affine((((atom,), 1),)))
        while isinstance(shorter, Affine):
            dim, shorter = shorter, exact_div(shorter, Affine((((atom,), 1),)))
    number = reduce(gcd, (factor for _, factor in dim.terms))
    return exact_div(dim, number) or dim


def _linear(
    dim: Affine, module: Module, defaults: Set[str], unnamed: Callable[[str], bool]
) -> Solution | None:
    """Solve for a symbol that occurs once, alone: N - 8 == 0. Preferred are symbols that equal a number, then
    unnamed ones, then those with a default range, then the last declared one."""
    order = list(module.symbols)
    found = []
    for monomial, factor in dim.terms:
        name = monomial[0] if len(monomial) == 1 else None
        if not isinstance(name, str) or name in module.derived or name not in module.symbols:
            continue
        rest = dim - symbol(name) * factor
        value = exact_div(rest * -1, factor) if factor > 0 else exact_div(rest, -factor)
        if value is None or name in closure(symbols(value), module):
            continue
        eager = (isinstance(value, int), unnamed(name), name in defaults)
        found.append((eager, order.index(name), name, value))
    if not found:
        return None
    _, _, name, value = max(found, key=lambda item: item[:2])
    return Solution(name, value)


def _stepped(dim: Affine, module: Module) -> Solution | None:
    """Solve a*A == b*B, without common factors: A is a multiple of b."""
    if len(dim.terms) != 2:
        return None
    names = [m[0] if len(m) == 1 else None for m, _ in dim.terms]
    a, b = (factor for _, factor in dim.terms)
    free = module.symbols.keys() - module.derived.keys() - module.held
    if a * b >= 0 or not all(name in free for name in names):
        return None
    return Solution(str(names[0]), step=abs(b)) if abs(b) > 1 else Solution(str(names[1]), step=abs(a))


# ------------------------------------------------------------ remainders


def _by_residues(dim: Affine, module: Module, defaults: Set[str]) -> Solution | None:
    """Solve for the only remainder of a symbol with which DIM can be 0: T - 2*floordiv(T, 2) gives T = 2*k.

    Every symbol under a division is written as modulus * k + remainder, and all remainders are tried.
    """
    periods = {name: period for name, period in _periods(dim).items() if name in module.symbols}
    fixed = module.derived.keys() | module.held  # what an input holds may be negative, so it is never a*k + b
    periods = {name: p for name, p in periods.items() if name not in fixed and p > 1}
    if not periods or prod(periods.values()) > MOST_RESIDUES:
        return None
    ranges = {name: (low, None if name in defaults else high) for name, (low, high) in module.ranges.items()}
    possible = [
        rest
        for rest in itertools.product(*(range(period) for period in periods.values()))
        if _possible(dim, dict(zip(periods, rest, strict=True)), periods, ranges)
    ]
    for place, (name, period) in enumerate(periods.items()):
        rests = {rest[place] for rest in possible}
        step, start = _progression(rests, period)
        if step > 1:
            return Solution(name, step=step, start=start)
    return None


def _progression(rests: set[int], period: int) -> tuple[int, int]:
    """The coarsest arithmetic progression, as step and start, that contains all RESTS modulo PERIOD."""
    if not rests:
        return 1, 0
    start = min(rests)
    step = reduce(gcd, (rest - start for rest in rests), period)
    return step, start % step


def _periods(dim: Dim) -> dict[str, int]:
    """For every symbol under divisions by numbers, the period after which all remainders repeat."""
    found: dict[str, int] = {}
    for atom, divisor in _divisions(dim, 1):
        for name in symbols(atom.numerator):
            found[name] = lcm(found.get(name, 1), divisor)
    return found


def _divisions(dim: Dim, outer: int) -> Iterator[tuple[FloorDiv, int]]:
    """The divisions by numbers in DIM, each with the product of its divisor and the enclosing ones."""
    atoms: Iterator[Atom] = (
        atom for monomial, _ in (dim.terms if isinstance(dim, Affine) else ()) for atom in monomial
    )
    for atom in atoms:
        if isinstance(atom, FloorDiv):
            divisor = outer * (atom.denominator if isinstance(atom.denominator, int) else 1)
            yield atom, divisor
            yield from _divisions(atom.numerator, divisor)


def _possible(
    dim: Affine, rests: dict[str, int], periods: dict[str, int], spans: Mapping[str, Range]
) -> bool:
    """Whether DIM can be 0 if the symbols have these remainders."""
    values: dict[str, Dim] = {name: symbol(name) * periods[name] + rest for name, rest in rests.items()}
    ranges = dict(spans)
    for name, rest in rests.items():
        low, high = spans[name]
        least, most = max(0, -((rest - low) // periods[name])), high
        if most is not None and least > (most := (most - rest) // periods[name]):
            return False
        ranges[name] = (least, most)
    low_end, high_end = bounds(substitute(dim, values), ranges)
    return (low_end is None or low_end <= 0) and (high_end is None or high_end >= 0)
