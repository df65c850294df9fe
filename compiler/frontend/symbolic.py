"""Arithmetic on symbolic sizes, to which the shape computations of a model are folded.

A known tensor of sizes is a numpy object array of scalars. A scalar is a Dim, or a `Ratio` where the model
computes in floating point (Shape -> Cast -> Mul -> Floor -> Cast). All functions raise `Undecided` if no size
can express the result. A result that the values of symbols select becomes a derived symbol (`Sizes.derive`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...dialects.core.affine import Affine, Dim, ceildiv, exact_div, floordiv
from ...dialects.core.affine_traversal import substitute
from ...dialects.core.sizes.sizes import Sizes
from .limits import MAX_DIM_PARTS, check_dim
from .problems import Malformed

Array = np.ndarray[Any, Any]


class Undecided(Exception):
    """The value depends on a symbol in a way that no Dim can express."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """numerator / denominator, a real number; the denominator is a positive integer above 1."""

    numerator: Dim
    denominator: int


Scalar = int | Affine | Ratio


def ratio(numerator: Dim, denominator: int) -> Scalar:
    """numerator / denominator: a Dim when the division is exact, else a Ratio."""
    exact = exact_div(numerator, denominator)
    return exact if exact is not None else Ratio(check_dim(numerator), denominator)


def parts(value: Scalar) -> tuple[Dim, int]:
    return (value.numerator, value.denominator) if isinstance(value, Ratio) else (value, 1)


def as_dims(values: Array) -> tuple[Dim, ...]:
    """The elements of a tensor of sizes, flattened. Raises Undecided if one is not an integer."""
    result: list[Dim] = []
    for value in values.reshape(-1):
        if isinstance(value, Ratio):
            raise Undecided("a size is not an integer")
        result.append(value if isinstance(value, Affine) else int(value))
    return tuple(result)


def object_array(values: list[Any], shape: tuple[int, ...]) -> Array:
    """An object array of VALUES, element by element so that numpy does not interpret them."""
    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        array[index] = value
    return array.reshape(shape)


def lift(array: Array) -> Array:
    """A numeric array as exact scalars. Raises Undecided for values that are not finite, simple fractions."""
    return object_array([_exact(item) for item in array.reshape(-1).tolist()], array.shape)


def _exact(item: Any) -> Scalar:
    if isinstance(item, (bool, int)):
        return int(item)
    if not np.isfinite(item):
        raise Undecided("a size is computed from a number that is not finite")
    exact = Fraction(item).limit_denominator(2**20)
    if float(exact) != float(item):
        raise Undecided("a size is computed from a number that is not a simple fraction")
    return ratio(exact.numerator, exact.denominator)


# ------------------------------------------------------------ decisions


def sign_of(value: Scalar, sizes: Sizes) -> int | None:
    """The sign of VALUE, -1, 0 or 1, if known."""
    return sizes.sign(parts(value)[0])


def choose(condition: Dim, yes: Dim, no: Dim, sizes: Sizes) -> Dim:
    """YES if CONDITION >= 0, else NO: a derived symbol if that depends on values."""
    return sizes.derive("select", condition, yes, no)


def clamp(value: Dim, low: Dim, high: Dim, sizes: Sizes) -> Dim:
    """VALUE limited to low..high."""
    return sizes.derive("min", sizes.derive("max", value, low), high)


def steps_in(distance: Dim, step: Dim, sizes: Sizes) -> Dim:
    """ceil(DISTANCE / STEP), both non-negative; a STEP of 0 counts as 1."""
    # The dividend is DISTANCE - 1, and kernels never divide negative numbers.
    return choose(distance - 1, ceildiv(distance, sizes.derive("max", step, 1)), 0, sizes)


# ------------------------------------------------------------ arithmetic, element by element


def add(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    return ratio(check_dim(x * q + y * p), p * q)


def sub(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    return ratio(check_dim(x * q - y * p), p * q)


def mul(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    if _size(x) * _size(y) > MAX_DIM_PARTS**2 // 4:
        raise Malformed("a symbolic size is too large an expression")
    return ratio(check_dim(x * y), p * q)


def _size(dim: Dim) -> int:
    return sum(1 + len(monomial) for monomial, _ in dim.terms) if isinstance(dim, Affine) else 1


def integer_div(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    """Integer division, which truncates toward zero; the sign of the divisor must be known."""
    (x, p), (y, q) = parts(a), parts(b)
    if p != 1 or q != 1:
        raise Undecided("an integer division of fractions")
    exact = exact_div(x, y) if y != 0 else None
    if exact is not None:
        return exact
    sign = sign_of(y, sizes)
    if sign not in (-1, 1):
        raise Undecided("a division by a size whose sign is not known")
    x, y = x * sign, y * sign
    return check_dim(choose(x, floordiv(x, y), -1 * floordiv(-1 * x, y), sizes))


def real_div(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    if isinstance(y, int) and y != 0:
        sign = 1 if y > 0 else -1
        return ratio(check_dim(x * q * sign), p * abs(y))
    exact = exact_div(x, y) if y != 0 else None
    if exact is None:
        raise Undecided("a size is divided by a symbolic size")
    return ratio(check_dim(exact * q), p)


def modulo(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    (x, p), (y, q) = parts(a), parts(b)
    if p != 1 or q != 1 or sign_of(y, sizes) != 1:
        raise Undecided("a modulus whose sign is not known")
    return check_dim(x - whole(x, y, sizes) * y)


def minimum(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    return _extreme("min", a, b, sizes)


def maximum(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    return _extreme("max", a, b, sizes)


def _extreme(function: str, a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    """The minimum or maximum of A and B, over their common denominator."""
    (x, p), (y, q) = parts(a), parts(b)
    return ratio(sizes.derive(function, x * q, y * p), p * q)


def equal(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    return mul(greater_equal(a, b, sizes), less_equal(a, b, sizes), sizes)


def greater(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    return sub(1, greater_equal(b, a, sizes), sizes)


def less(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    return sub(1, greater_equal(a, b, sizes), sizes)


def greater_equal(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    return choose(parts(sub(a, b, sizes))[0], 1, 0, sizes)


def less_equal(a: Scalar, b: Scalar, sizes: Sizes) -> Scalar:
    return greater_equal(b, a, sizes)


def floor(value: Scalar, sizes: Sizes) -> Scalar:
    numerator, denominator = parts(value)
    return check_dim(whole(numerator, denominator, sizes))


def ceil(value: Scalar, sizes: Sizes) -> Scalar:
    numerator, denominator = parts(value)
    return check_dim(whole(numerator + (denominator - 1), denominator, sizes))


def whole(a: Dim, b: Dim, sizes: Sizes) -> Dim:
    """floor(A / B) for positive B.

    Kernels never divide negative numbers, which inputs may hold: quotients of these are computed before a
    run.
    """
    quotient = floordiv(a, b)
    if not sizes.told(a) or sizes.proves(a):
        return quotient
    return choose(a, quotient, -1 - floordiv(-1 - a, b), sizes)


def truncate(value: Scalar, sizes: Sizes) -> Scalar:
    """VALUE rounded toward zero, as by a cast to an integer."""
    if not isinstance(value, Ratio):
        return value
    down, up = floor(value, sizes), ceil(value, sizes)
    assert not isinstance(down, Ratio) and not isinstance(up, Ratio)  # floors are integers
    return choose(value.numerator, down, up, sizes)


def substituted(values: Array, replaced: Mapping[str, Dim]) -> Array:
    """The tensor of sizes VALUES with symbols REPLACED."""
    return object_array([_substituted(item, replaced) for item in values.reshape(-1)], values.shape)


def _substituted(value: Scalar, replaced: Mapping[str, Dim]) -> Scalar:
    numerator, denominator = parts(value)
    return ratio(substitute(numerator, replaced), denominator)


def apply(function: Callable[..., Scalar], arrays: list[Array]) -> Array:
    """FUNCTION applied elementwise to ARRAYS, which are broadcast; once for equal elements."""
    broadcast = np.broadcast_arrays(*arrays)
    rows = list(zip(*(array.reshape(-1) for array in broadcast), strict=True))
    known = {row: function(*row) for row in dict.fromkeys(rows)}
    return object_array([known[row] for row in rows], broadcast[0].shape)


# ------------------------------------------------------------ exact quotients


def quotient(a: Dim, b: Dim) -> Dim:
    """a / b when b divides a as a polynomial. Raises Undecided otherwise, Malformed for a b of 0."""
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
