"""The scalar language: what one element of a result is, as an expression over output indices.

An op states its result with `define(scalars, index)`, where `index` holds one Dim per output
dimension. Code generation inlines producers into consumers (each `scalars.load` of a value
computed in the same kernel becomes that value's own definition) and emits CUDA; numpy's
`evaluate` stays independent of it, so that each checks the other.

Expressions are compared by identity: sharing an object means computing it once.
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
    """A scalar function of the closed list: operand count, whether it gives a bool, its FLOPs."""

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
    """A function of the closed list; operands share one element type."""

    function: str
    operands: tuple[Expr, ...]
    dtype: DType


@dataclass(frozen=True, eq=False)
class Select(Expr):
    """`chosen` where the condition holds, else `other`; the branch not taken is not evaluated."""

    condition: Expr
    chosen: Expr
    other: Expr
    dtype: DType


@dataclass(frozen=True, eq=False)
class CastExpr(Expr):
    operand: Expr
    dtype: DType


@dataclass(frozen=True, eq=False)
class IndexValue(Expr):
    """A symbolic integer as a number (Range, one-hot, position tests)."""

    dim: Dim
    dtype: DType = I64


@dataclass(frozen=True, eq=False)
class Inside(Expr):
    """low <= dim < high: guards loads at the edges of padded tensors."""

    dim: Dim
    low: Dim
    high: Dim
    dtype: DType = BOOL


@dataclass(frozen=True, eq=False)
class ReduceExpr(Expr):
    """The body reduced over loop variables, each running from 0 to its extent, outermost first.

    argmax and argmin give the flat position of the first extreme, as i64. A sum starts from +0, and so
    is never -0; one with a `signed_zero`, which must be of one element or more, starts from -0 and is
    what its elements make it.
    """

    kind: str
    variables: tuple[tuple[str, Dim], ...]
    body: Expr
    dtype: DType
    signed_zero: bool = False


@dataclass(frozen=True, eq=False)
class LetIndex(Expr):
    """An integer computed from data under a name that index expressions may use (Gather)."""

    name: str
    value: Expr
    body: Expr
    dtype: DType


@dataclass
class Scalars:
    """Builds expressions for one kernel; `load` is how an op reads its operands."""

    loader: Callable[[Value, Index], Expr] = field(
        default=lambda value, index: LoadExpr(value, index, value.type.dtype)
    )
    _count: int = 0
    _shared: dict[Hashable, Any] = field(default_factory=dict)

    def shared(self, key: Hashable, build: Callable[[], Made]) -> Made:
        """What BUILD makes, made once per KEY: sums that several elements have in common."""
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
        """FUNCTION of OPERANDS, which share one element type."""
        info = FUNCTIONS[function]
        if len(operands) != info.arity or len({operand.dtype for operand in operands}) != 1:
            raise ValueError(f"{function} takes {info.arity} operands of one type")
        return Apply(function, operands, BOOL if info.gives_bool else operands[0].dtype)

    def select(self, condition: Expr, chosen: Expr, other: Expr) -> Select:
        return Select(condition, chosen, other, chosen.dtype)

    def cast(self, operand: Expr, dtype: DType) -> Expr:
        return operand if operand.dtype == dtype else CastExpr(operand, dtype)

    def index_value(self, dim: Dim, dtype: DType = I64) -> Expr:
        return self.cast(IndexValue(dim), dtype)

    def inside(self, dim: Dim, low: Dim, high: Dim) -> Inside:
        return Inside(dim, low, high)

    def every(self, conditions: Sequence[Expr]) -> Expr | None:
        """The conjunction; None when there is nothing to test."""
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
        """BODY, given the loop variables, reduced over EXTENTS."""
        names = [self._fresh("r") for _ in extents]
        inner = body(tuple(symbol(name) for name in names))
        dtype = I64 if kind.startswith("arg") else inner.dtype
        return ReduceExpr(kind, tuple(zip(names, extents, strict=True)), inner, dtype, signed_zero)

    def let_index(self, value: Expr, body: Callable[[Dim], Expr]) -> LetIndex:
        """BODY with an index computed from data."""
        name = self._fresh("j")
        inner = body(symbol(name))
        return LetIndex(name, value, inner, inner.dtype)

    def _fresh(self, prefix: str) -> str:
        # A leading underscore keeps loop variables apart from the model's symbols.
        self._count += 1
        return f"_{prefix}{self._count}"
