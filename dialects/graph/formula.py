"""Formulas: scalar definitions with operators, such as `0.5 * x * (1 + (x / c).call("erf"))`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from ..core.affine import Dim
from ..core.dtypes import DType
from ..core.expr import Const, Expr, Index, Scalars
from ..core.ir import Value
from .numeric import compute_dtype

Number = float | int | bool
PLAIN = (float, int, np.number, np.bool_)


@dataclass(frozen=True, eq=False)
class Term:
    """A scalar expression with operators; a plain number gets the element type of the other operand."""

    scalars: Scalars
    expr: Expr

    @property
    def dtype(self) -> DType:
        return self.expr.dtype

    def term(self, value: Term | Number) -> Term:
        """VALUE as a term; a number becomes a constant of this term's type. Raises TypeError for others."""
        if isinstance(value, Term):
            return value
        if not isinstance(value, PLAIN):
            raise TypeError(f"{type(value).__name__} is neither a term nor a plain number")
        return Term(self.scalars, self.scalars.const(value, self.dtype))

    def call(self, function: str, *others: Term | Number) -> Term:
        """The scalar function FUNCTION with this term as its first operand."""
        operands = [self.expr, *(self.term(other).expr for other in others)]
        return Term(self.scalars, self.scalars.apply(function, *operands))

    def cast(self, dtype: DType) -> Term:
        return Term(self.scalars, self.scalars.cast(self.expr, dtype))

    def choose(self, chosen: Term | Number, other: Term | Number) -> Term:
        """CHOSEN where this bool term holds, else OTHER. Raises TypeError if both are plain numbers."""
        typed = chosen if isinstance(chosen, Term) else other
        if not isinstance(typed, Term):
            raise TypeError("a choice between two numbers has no element type")
        first, second = typed.term(chosen).expr, typed.term(other).expr
        return Term(self.scalars, self.scalars.select(self.expr, first, second))

    def __bool__(self) -> NoReturn:
        """Raises TypeError: the value is not known while a kernel is built, and an `if` would decide for all
        elements."""
        raise TypeError("a term is neither true nor false before the kernel runs; `choose` picks by element")

    def __neg__(self) -> Term:
        return self.call("neg")

    def __add__(self, other: Term | Number) -> Term:
        return self.call("add", other)

    def __radd__(self, other: Number) -> Term:
        return self.term(other).call("add", self)

    def __sub__(self, other: Term | Number) -> Term:
        return self.call("sub", other)

    def __rsub__(self, other: Number) -> Term:
        return self.term(other).call("sub", self)

    def __mul__(self, other: Term | Number) -> Term:
        return self.call("mul", other)

    def __rmul__(self, other: Number) -> Term:
        return self.term(other).call("mul", self)

    def __truediv__(self, other: Term | Number) -> Term:
        divisor = self.term(other)
        # A divisor of 1 is a scale that constants have been folded into.
        if isinstance(divisor.expr, Const) and divisor.expr.value == 1:
            return self
        return self.call("div", divisor)

    def __rtruediv__(self, other: Number) -> Term:
        return self.term(other).call("div", self)

    def __gt__(self, other: Term | Number) -> Term:
        return self.call("gt", other)

    def __ge__(self, other: Term | Number) -> Term:
        return self.call("ge", other)

    def __lt__(self, other: Term | Number) -> Term:
        return self.call("lt", other)

    def __le__(self, other: Term | Number) -> Term:
        return self.call("le", other)

    # Elementwise, as in numpy: terms are therefore not hashable, and `term in others` raises.

    def __eq__(self, other: Term | Number) -> Term:  # type: ignore[override]
        return self.call("eq", other)

    def __ne__(self, other: Term | Number) -> Term:  # type: ignore[override]
        return (self == other).call("not")


def load(scalars: Scalars, value: Value, index: Sequence[Dim]) -> Term:
    """The element of VALUE at INDEX, converted to its arithmetic's type."""
    return _computed(scalars, scalars.load(value, index))


def load_broadcast(scalars: Scalars, value: Value, index: Index) -> Term:
    """The element of VALUE that numpy broadcasting puts at INDEX, converted to its arithmetic's type."""
    return _computed(scalars, scalars.load_broadcast(value, index))


def _computed(scalars: Scalars, expr: Expr) -> Term:
    return Term(scalars, expr).cast(compute_dtype(expr.dtype))
