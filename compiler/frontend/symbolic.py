"""Arithmetic on sizes that are known only symbolically: what shape computations of a model become.

A known tensor of sizes is a numpy object array of scalars. A scalar is a Dim, or a `Ratio` where
the model computes in floating point on the way (Shape -> Cast -> Mul -> Floor -> Cast). All
functions raise `Undecided` where the symbols' ranges do not settle the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...dialects.core.affine import Affine, Dim, FloorDiv, Range, bounds, exact_div, floordiv
from .limits import MAX_DIM_PARTS, check_dim
from .problems import Malformed

Array = np.ndarray[Any, Any]
Ranges = Mapping[str, Range]


class Undecided(Exception):
    """The value depends on a symbol in a way that no Dim expresses."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """numerator / denominator, a real number; the denominator is a positive integer above 1."""

    numerator: Dim
    denominator: int


Scalar = int | Affine | Ratio

_RELAXATIONS = 8  # divisions that a comparison looks through


def ratio(numerator: Dim, denominator: int) -> Scalar:
    """numerator / denominator in least terms, as a Dim when it divides."""
    exact = exact_div(numerator, denominator)
    return exact if exact is not None else Ratio(check_dim(numerator), denominator)


def parts(value: Scalar) -> tuple[Dim, int]:
    return (value.numerator, value.denominator) if isinstance(value, Ratio) else (value, 1)


def as_dims(values: Array) -> tuple[Dim, ...]:
    """The elements of a tensor of sizes, flat; Undecided when one is not an integer."""
    result: list[Dim] = []
    for value in values.reshape(-1):
        if isinstance(value, Ratio):
            raise Undecided("a size is not an integer")
        result.append(value if isinstance(value, Affine) else int(value))
    return tuple(result)


def object_array(values: list[Any], shape: tuple[int, ...]) -> Array:
    """An object array of VALUES; numpy must not look into them."""
    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        array[index] = value
    return array.reshape(shape)


def lift(array: Array) -> Array:
    """A numeric array as exact scalars; Undecided for values that are not finite or need long fractions."""
    return object_array([_exact(item) for item in array.reshape(-1).tolist()], array.shape)


def _exact(item: Any) -> Scalar:
    if isinstance(item, (bool, int)):
        return int(item)
    if not np.isfinite(item):
        raise Undecided("a size is computed from a number that is not finite")
    exact = Fraction(item).limit_denominator(2**20)
    if float(exact) != float(item):
        raise Undecided("a size is computed from a number that is no short fraction")
    return ratio(exact.numerator, exact.denominator)


# ------------------------------------------------------------ decisions


def sign_of(value: Scalar, ranges: Ranges) -> int | None:
    """-1, 0 or 1 when RANGES prove it: negative, zero, positive."""
    low, high = bounds(parts(value)[0], ranges)
    if low == 0 == high:
        return 0
    if low is not None and low > 0:
        return 1
    return -1 if high is not None and high < 0 else None


def at_least(a: Dim, b: Dim, ranges: Ranges) -> bool:
    """a >= b; Undecided when it depends on the symbols' values."""
    if _never_negative(a - b, ranges):
        return True
    if _never_negative(b - a - 1, ranges):
        return False
    raise Undecided(f"whether {a} reaches {b} depends on the symbols' values")


def lesser(a: Dim, b: Dim, ranges: Ranges) -> Dim:
    """The one of A and B that is never the larger; Undecided when there is none."""
    if _never_negative(b - a, ranges):
        return a
    return b if at_least(a, b, ranges) else a


def clamp(value: Dim, low: Dim, high: Dim, ranges: Ranges) -> Dim:
    """VALUE limited to low..high."""
    raised = -1 * lesser(-1 * value, -1 * low, ranges)
    return lesser(raised, high, ranges)


def _never_negative(dim: Dim, ranges: Ranges) -> bool:
    """True when RANGES prove DIM >= 0, also where divisions relate to their numerators: N >= N // 2."""
    for _ in range(_RELAXATIONS):
        low, _high = bounds(dim, ranges)
        if low is not None and low >= 0:
            return True
        relaxed = _without_division(dim)
        if relaxed is None:
            return False
        dim = relaxed
    return False


def _without_division(dim: Dim) -> Dim | None:
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


# ------------------------------------------------------------ arithmetic, element by element


def add(a: Scalar, b: Scalar, ranges: Ranges) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    return ratio(check_dim(x * q + y * p), p * q)


def sub(a: Scalar, b: Scalar, ranges: Ranges) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    return ratio(check_dim(x * q - y * p), p * q)


def mul(a: Scalar, b: Scalar, ranges: Ranges) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    if _size(x) * _size(y) > MAX_DIM_PARTS**2 // 4:
        raise Malformed("a symbolic size grows beyond all measure")
    return ratio(check_dim(x * y), p * q)


def _size(dim: Dim) -> int:
    return sum(1 + len(monomial) for monomial, _ in dim.terms) if isinstance(dim, Affine) else 1


def integer_div(a: Scalar, b: Scalar, ranges: Ranges) -> Scalar:
    """Integer division, which truncates toward zero: floor for operands of known equal sign."""
    (x, p), (y, q) = parts(a), parts(b)
    if p != 1 or q != 1:
        raise Undecided("an integer division of fractions")
    exact = exact_div(x, y) if y != 0 else None
    if exact is not None:
        return exact
    if sign_of(y, ranges) != 1 or not at_least(x, 0, ranges):
        raise Undecided("a division whose signs are not known")
    return check_dim(floordiv(x, y))


def real_div(a: Scalar, b: Scalar, ranges: Ranges) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    if isinstance(y, int) and y != 0:
        sign = 1 if y > 0 else -1
        return ratio(check_dim(x * q * sign), p * abs(y))
    exact = exact_div(x, y) if y != 0 else None
    if exact is None:
        raise Undecided("a size is divided by a symbolic size")
    return ratio(check_dim(exact * q), p)


def modulo(a: Scalar, b: Scalar, ranges: Ranges) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    if p != 1 or q != 1 or sign_of(y, ranges) != 1:
        raise Undecided("a modulus whose sign is not known")
    return check_dim(x - floordiv(x, y) * y)


def minimum(a: Scalar, b: Scalar, ranges: Ranges) -> Scalar:
    if _never_negative(parts(sub(b, a, ranges))[0], ranges):
        return a
    return b if _at_least(a, b, ranges) else a


def maximum(a: Scalar, b: Scalar, ranges: Ranges) -> Scalar:
    return b if minimum(a, b, ranges) is a else a


def _at_least(a: Scalar, b: Scalar, ranges: Ranges) -> bool:
    return at_least(parts(sub(a, b, ranges))[0], 0, ranges)


def equal(a: Scalar, b: Scalar, ranges: Ranges) -> int:
    sign = sign_of(sub(a, b, ranges), ranges)
    if sign is None:
        raise Undecided("whether two sizes are equal depends on the symbols' values")
    return int(sign == 0)


def greater(a: Scalar, b: Scalar, ranges: Ranges) -> int:
    return int(not _at_least(b, a, ranges))


def less(a: Scalar, b: Scalar, ranges: Ranges) -> int:
    return int(not _at_least(a, b, ranges))


def greater_equal(a: Scalar, b: Scalar, ranges: Ranges) -> int:
    return int(_at_least(a, b, ranges))


def less_equal(a: Scalar, b: Scalar, ranges: Ranges) -> int:
    return int(_at_least(b, a, ranges))


def floor(value: Scalar) -> Scalar:
    numerator, denominator = parts(value)
    return check_dim(floordiv(numerator, denominator))


def ceil(value: Scalar) -> Scalar:
    numerator, denominator = parts(value)
    return check_dim(floordiv(numerator + (denominator - 1), denominator))


def truncate(value: Scalar, ranges: Ranges) -> Scalar:
    """Toward zero, as a cast to an integer does."""
    if not isinstance(value, Ratio):
        return value
    return floor(value) if at_least(value.numerator, 0, ranges) else ceil(value)


def apply(function: Callable[..., Scalar], arrays: list[Array]) -> Array:
    """FUNCTION over broadcast object arrays."""
    broadcast = np.broadcast_arrays(*arrays)
    rows = zip(*(array.reshape(-1) for array in broadcast), strict=True)
    return object_array([function(*row) for row in rows], broadcast[0].shape)


# ------------------------------------------------------------ exact quotients


def quotient(a: Dim, b: Dim) -> Dim:
    """a / b when b divides a as a polynomial; Undecided otherwise."""
    if isinstance(b, int) and b == 0:
        raise Malformed("a size is divided by zero")
    exact = exact_div(a, b)
    if exact is not None:
        return exact
    result: Dim = 0
    rest = a
    for _ in range(MAX_DIM_PARTS):
        if isinstance(rest, int) and rest == 0:
            return result
        term = exact_div(_leading(rest), _leading(b))
        if term is None:
            break
        result = result + term
        rest = rest - term * b
    raise Undecided(f"{a} is not a multiple of {b}")


def _leading(dim: Dim) -> Dim:
    return Affine((dim.terms[0],)) if isinstance(dim, Affine) else dim
