"""Matching of formulas: scalar constants, factors, and polynomials of a few values.

A formula may be spelled in many orders (`x * 0.5 * (1 + t)`, `0.5 * (x + x * t)`). Expanded to a polynomial,
all spellings are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...dialects.core.dtypes import BF16, F16
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.binary import Add, Div, Mul, Pow, Sub
from ...dialects.graph.unary import Neg
from .matching import constant_array

Powers = tuple[int, ...]
Polynomial = Mapping[Powers, float]

MOST_DEPTH = 6  # nested ops in a formula
MOST_POWER = 4


def scalar(value: Value | None, module: Module) -> float | None:
    """The number that all elements of the constant VALUE equal; None if it is not constant or not uniform."""
    array = constant_array(value, module)
    if array is None or array.size == 0 or array.dtype.kind == "b":
        return None
    first = array.reshape(-1)[0]
    return float(first) if bool((array == first).all()) else None


def near(value: float | None, wanted: float, type_of: Value) -> bool:
    """True when VALUE equals WANTED to the precision of constants of TYPE_OF's element type."""
    if value is None:
        return False
    unit = {F16: 2.0**-10, BF16: 2.0**-7}.get(type_of.type.dtype, 2.0**-19)
    return abs(value - wanted) <= unit * abs(wanted)


def orders(op: Operation) -> Iterator[tuple[Value, Value]]:
    """The two operands of a commutative OP, in both orders."""
    x, y = op.inputs
    yield x, y
    yield y, x


def scalings(value: Value, module: Module) -> Iterator[tuple[Value, float]]:
    """All (v, c) such that VALUE is c * v: first VALUE itself, then with more and more constant factors."""
    factor = 1.0
    yield value, factor
    for _ in range(MOST_DEPTH):
        found = _without_factor(value, module)
        if found is None:
            return
        value, own = found
        factor *= own
        yield value, factor


def _without_factor(value: Value, module: Module) -> tuple[Value, float] | None:
    op = value.producer
    if isinstance(op, Neg):
        return op.x, -1.0
    if not isinstance(op, (Mul, Div)):
        return None
    number = scalar(op.y, module)
    other = op.x
    if number is None and isinstance(op, Mul):
        number, other = scalar(op.x, module), op.y
    if number is None or other.type != value.type or (isinstance(op, Div) and number == 0):
        return None
    return other, number if isinstance(op, Mul) else 1 / number


def polynomial(
    value: Value, atoms: Sequence[Value], module: Module, depth: int = MOST_DEPTH
) -> dict[Powers, float] | None:
    """VALUE as a polynomial of ATOMS: a coefficient for each tuple of powers; None when it is not one.

    At most DEPTH nested ops are expanded.
    """
    if value in atoms:
        return {tuple(int(value is atom) for atom in atoms): 1.0}
    number = scalar(value, module)
    if number is not None:
        return {(0,) * len(atoms): number}
    op = value.producer
    if op is None or depth == 0 or not isinstance(op, (Add, Sub, Mul, Div, Neg, Pow)):
        return None
    if isinstance(op, Pow):
        return _power(polynomial(op.x, atoms, module, depth - 1), scalar(op.y, module))
    parts = [polynomial(operand, atoms, module, depth - 1) for operand in op.inputs]
    known = [part for part in parts if part is not None]
    return _combined(op, known) if len(known) == len(parts) else None


def _combined(op: Operation, parts: Sequence[dict[Powers, float]]) -> dict[Powers, float] | None:
    first = parts[0]
    if isinstance(op, Neg):
        return {powers: -value for powers, value in first.items()}
    second = parts[1]
    match op:
        case Mul():
            return _times(first, second)
        case Div():
            number = _constant_term(second)
            return None if not number else {powers: value / number for powers, value in first.items()}
    sign = -1.0 if isinstance(op, Sub) else 1.0
    total = dict(first)
    for powers, value in second.items():
        total[powers] = total.get(powers, 0.0) + sign * value
    return total


def _times(a: Polynomial, b: Polynomial) -> dict[Powers, float] | None:
    product: dict[Powers, float] = {}
    for left, x in a.items():
        for right, y in b.items():
            powers = tuple(i + j for i, j in zip(left, right, strict=True))
            if max(powers) > MOST_POWER:
                return None
            product[powers] = product.get(powers, 0.0) + x * y
    return product


def _power(base: dict[Powers, float] | None, exponent: float | None) -> dict[Powers, float] | None:
    if base is None or exponent is None or exponent not in (1, 2, 3):
        return None
    result: dict[Powers, float] | None = base
    for _ in range(int(exponent) - 1):
        result = None if result is None else _times(result, base)
    return result


def _constant_term(poly: Polynomial) -> float | None:
    """The value of POLY if it is constant; None when it depends on an atom."""
    return next(iter(poly.values())) if len(poly) == 1 and not any(next(iter(poly))) else None


def is_polynomial(found: Polynomial | None, wanted: Polynomial, type_of: Value) -> bool:
    """True when FOUND has the coefficients WANTED, to the precision of TYPE_OF's constants."""
    if found is None:
        return False
    kept = {powers: value for powers, value in found.items() if value != 0}
    return set(kept) == set(wanted) and all(near(kept[p], wanted[p], type_of) for p in wanted)


def inner_values(value: Value, depth: int) -> Iterator[Value]:
    """VALUE and the values it is computed from by arithmetic, at most DEPTH ops away, nearest first."""
    level, seen = [value], {value}
    for _ in range(depth + 1):
        yield from level
        following: list[Value] = []
        for outer in level:
            if isinstance(outer.producer, (Add, Sub, Mul, Div, Neg, Pow)):
                following += [v for v in outer.producer.inputs if v not in seen and v.type.rank != 0]
                seen.update(following)
        level = list(dict.fromkeys(following))


def ones(value: Value) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A single 1 of VALUE's element type, which broadcasts to any shape."""
    return np.ones((1,), value.type.dtype.numpy)
