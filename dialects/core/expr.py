"""Scalar expressions: one element of a result as an expression over the output indices.

An op defines its result with `define(scalars, index)`, where `index` holds one Dim per output dimension.
Code generation fuses producers into consumers (each `scalars.load` of a value computed in the same kernel
becomes that value's own definition) and emits CUDA. The numpy `evaluate` is independent of it, so that
each checks the other.

Expressions are compared by identity: a shared object is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .affine import Dim, symbol
from .dtypes import BOOL, F32, I64, DType
from .ir import Value

Index = tuple[Dim, ...]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class FunctionExpr:
    """A scalar function: number of operands, whether it returns a bool, FLOPs per application."""

    arity: int
    gives_bool: bool = False
    flops: int = 1


def _functions(
    names: str, arity: int, *, gives_bool: bool = False, flops: int = 1
) -> dict[str, FunctionExpr]:
    return {name: FunctionExpr(arity, gives_bool, flops) for name in names.split()}


FUNCTIONS: dict[str, FunctionExpr] = {
    **_functions("neg abs sign floor ceil round trunc sqrt rsqrt reciprocal", 1),
    **_functions(
        "exp log sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf sigmoid log1p expm1", 1
    ),
    **_functions("isnan isinf isposinf isneginf", 1, gives_bool=True, flops=0),
    **_functions("not", 1, gives_bool=True, flops=0),
    **_functions("bitnot", 1, flops=0),
    **_functions("add sub mul div mod fmod pow min max", 2),
    **_functions("eq lt le gt ge and or xor", 2, gives_bool=True, flops=0),
    **_functions("bitand bitor bitxor shl shr", 2, flops=0),
}


class Expr:
    """A scalar expression of some element type."""

    __slots__ = ()
    dtype: DType


@dataclass(frozen=True, eq=False)
class Const(Expr):
    value: float | int | bool
    dtype: DType


@dataclass(frozen=True, eq=False)
class LoadExpr(Expr):
    """One element of a tensor that the kernel reads from memory."""

    source: Value
    index: Index
    dtype: DType


@dataclass(frozen=True, eq=False)
class Apply(Expr):
    """A scalar function applied to operands of one element type."""

    function: str
    operands: tuple[Expr, ...]
    dtype: DType


@dataclass(frozen=True, eq=False)
class Select(Expr):
    """`chosen` if the condition holds, else `other`; only that branch is evaluated."""

    condition: Expr
    chosen: Expr
    other: Expr
    dtype: DType


@dataclass(frozen=True, eq=False)
class CastExpr(Expr):
    operand: Expr
    dtype: DType


@dataclass(frozen=True, eq=False)
class BitCastExpr(Expr):
    """The bits of the operand as an element of another type of the same width."""

    operand: Expr
    dtype: DType


@dataclass(frozen=True, eq=False)
class IndexValue(Expr):
    """A symbolic integer as a number (for Range, one-hot, comparisons of indices)."""

    dim: Dim
    dtype: DType = I64


@dataclass(frozen=True, eq=False)
class Inside(Expr):
    """low <= dim < high: the guard of a load at the edge of a padded tensor."""

    dim: Dim
    low: Dim
    high: Dim
    dtype: DType = BOOL


@dataclass(frozen=True, eq=False)
class ReduceExpr(Expr):
    """A reduction of the body over loop variables from 0 to their extents, outermost first.

    argmax and argmin return the flat position of the first extreme, as i64. A sum starts from +0, so it
    is never -0; with `signed_zero`, which requires at least one element, it starts from -0, so that a sum
    of -0 is -0.
    """

    kind: str
    variables: tuple[tuple[str, Dim], ...]
    body: Expr
    dtype: DType
    signed_zero: bool = False


@dataclass(frozen=True, eq=False)
class LetIndex(Expr):
    """An integer computed from data, bound to a name that index expressions may use (Gather)."""

    name: str
    value: Expr
    body: Expr
    dtype: DType


@dataclass
class Scalars:
    """Builds the expressions of one kernel; ops read their operands through `load`."""

    loader: Callable[[Value, Index], Expr] = field(
        default=lambda value, index: LoadExpr(value, index, value.type.dtype)
    )
    _count: int = 0
    _shared: dict[Hashable, Any] = field(default_factory=dict)

    def shared(self, key: Hashable, build: Callable[[], Made]) -> Made:
        """BUILD(), computed once per KEY: for sums that several elements share."""
        if key not in self._shared:
            self._shared[key] = build()
        made: Made = self._shared[key]
        return made

    def load(self, value: Value, index: Sequence[Dim]) -> Expr:
        """The element of VALUE at INDEX (one Dim per dimension)."""
        return self.loader(value, tuple(index))

    def load_broadcast(self, value: Value, index: Sequence[Dim]) -> Expr:
        """The element of VALUE that numpy broadcasting puts at INDEX of the result."""
        own = index[len(index) - value.type.rank :]
        return self.load(
            value, [0 if size == 1 else i for i, size in zip(own, value.type.shape, strict=True)]
        )

    def const(self, value: float | int | bool, dtype: DType = F32) -> Const:
        return Const(value, dtype)

    def apply(self, function: str, *operands: Expr) -> Apply:
        """FUNCTION applied to OPERANDS of one element type. Raises ValueError for another number or mixed
        types."""
        info = FUNCTIONS[function]
        if len(operands) != info.arity or len({operand.dtype for operand in operands}) != 1:
            raise ValueError(f"{function} takes {info.arity} operands of one type")
        return Apply(function, operands, BOOL if info.gives_bool else operands[0].dtype)

    def select(self, condition: Expr, chosen: Expr, other: Expr) -> Select:
        return Select(condition, chosen, other, chosen.dtype)

    def cast(self, operand: Expr, dtype: DType) -> Expr:
        return operand if operand.dtype == dtype else CastExpr(operand, dtype)

    def bit_cast(self, operand: Expr, dtype: DType) -> Expr:
        """The bits of OPERAND as DTYPE. Raises ValueError for types of different widths."""
        if operand.dtype.bits != dtype.bits:
            raise ValueError(f"{operand.dtype} and {dtype} differ in width")
        return operand if operand.dtype == dtype else BitCastExpr(operand, dtype)

    def index_value(self, dim: Dim, dtype: DType = I64) -> Expr:
        return self.cast(IndexValue(dim), dtype)

    def inside(self, dim: Dim, low: Dim, high: Dim) -> Inside:
        return Inside(dim, low, high)

    def every(self, conditions: Sequence[Expr]) -> Expr | None:
        """The conjunction of CONDITIONS; None if there are none."""
        result: Expr | None = None
        for condition in conditions:
            result = condition if result is None else self.apply("and", result, condition)
        return result

    def reduce(
        self,
        kind: str,
        extents: Sequence[Dim],
        body: Callable[[tuple[Dim, ...]], Expr],
        *,
        signed_zero: bool = False,
    ) -> ReduceExpr:
        """BODY, called with the indices, reduced over EXTENTS; the index of an extent of 1 is no variable."""
        variables = [(self._fresh("r"), extent) for extent in extents]
        inner = body(tuple(symbol(name) if extent != 1 else 0 for name, extent in variables))
        dtype = I64 if kind.startswith("arg") else inner.dtype
        loops = tuple(variable for variable in variables if variable[1] != 1)
        return ReduceExpr(kind, loops, inner, dtype, signed_zero)

    def let_index(self, value: Expr, body: Callable[[Dim], Expr]) -> LetIndex:
        """BODY, called with an index whose value is computed from data."""
        name = self._fresh("j")
        inner = body(symbol(name))
        return LetIndex(name, value, inner, inner.dtype)

    def _fresh(self, prefix: str) -> str:
        # A leading underscore separates loop variables from the model's symbols.
        self._count += 1
        return f"_{prefix}{self._count}"
