"""Reductions whose elements several threads take in turns: their states, and how states are joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...dialects.core.dtypes import BOOL, F32, F64, I64, DType
from ...dialects.core.expr import ReduceExpr
from ..text.literals import c_type, compute_type, highest, lowest
from .reductions import better, combined, initial

# The functors of row_reduce.cuh, by the kind of the reduction.
FUNCTORS = {"sum": "Sum", "prod": "Product", "max": "Maximum", "min": "Minimum", "any": "Any", "all": "All"}
EXTREMES = {"argmax": "Maximum", "argmin": "Minimum"}
KINDS = frozenset((*FUNCTORS, *EXTREMES))
NOWHERE = "0x7fffffffffffffffll"  # the position of a thread that has seen no element

Fresh = Callable[[str], str]


@dataclass(frozen=True)
class SharedReduction:
    """What one thread holds of a reduction: its `variables` with their types and first values."""

    kind: str
    variables: tuple[tuple[str, DType], ...]
    first: tuple[str, ...]

    def declare(self) -> list[str]:
        """Statements that define the variables, before the first element."""
        pairs = zip(self.variables, self.first, strict=True)
        return [f"{c_type(dtype)} {name} = {value};" for (name, dtype), value in pairs]

    def restart(self) -> list[str]:
        """Statements that set the variables back to what they began with."""
        return [f"{name} = {value};" for (name, _), value in zip(self.variables, self.first, strict=True)]

    def update(self, element: str, position: str) -> list[str]:
        """Take in ELEMENT, which stands at POSITION, after all that this thread took in before."""
        name, dtype = self.variables[0]
        return [f"{name} = {combined(self.kind, name, element, dtype)};"]

    def join(self, other: Sequence[str]) -> list[str]:
        """Take in what OTHER variables hold."""
        return self.update(other[0], "")

    def meet(self, fresh: Fresh, spread: str) -> list[str]:
        """Give every thread of the row what they hold together; SPREAD says how they stand."""
        name = self.variables[0][0]
        return [f"{name} = row_reduce<{FUNCTORS[self.kind]}, {spread}>({name}, smem);"]

    @property
    def result(self) -> str:
        """The variable that holds what the reduction gives."""
        return self.variables[-1][0]


@dataclass(frozen=True)
class SharedExtreme(SharedReduction):
    """argmax and argmin: the best element and its position. The first of equals is kept."""

    def update(self, element: str, position: str) -> list[str]:
        best, where, dtype = self._names()
        condition = f"{where} == {NOWHERE} || {better(self.kind, element, best, dtype)}"
        return [f"if ({condition}) {{ {best} = {element}; {where} = {position}; }}"]

    def join(self, other: Sequence[str]) -> list[str]:
        best, where, dtype = self._names()
        preferred = better(self.kind, other[0], best, dtype)
        earlier = f"{_same(other[0], best, dtype)} && {other[1]} < {where}"
        condition = f"{other[1]} != {NOWHERE} && ({where} == {NOWHERE} || {preferred} || ({earlier}))"
        return [f"if ({condition}) {{ {best} = {other[0]}; {where} = {other[1]}; }}"]

    def meet(self, fresh: Fresh, spread: str) -> list[str]:
        """The best of all, then the first position among the threads that hold it."""
        best, where, dtype = self._names()
        own = fresh("own")
        holder = f"{_same(own, best, dtype)} ? {where} : {NOWHERE}"
        return [
            f"const {c_type(dtype)} {own} = {best};",
            f"{best} = row_reduce<{EXTREMES[self.kind]}, {spread}>({own}, smem);",
            f"{where} = row_reduce<Minimum, {spread}>({holder}, smem);",
        ]

    def _names(self) -> tuple[str, str, DType]:
        (best, dtype), (where, _) = self.variables
        return best, where, dtype


def shared_reduction(fresh: Fresh, reduce: ReduceExpr) -> SharedReduction:
    """A thread's state of REDUCE, under FRESH names."""
    if reduce.kind in EXTREMES:
        dtype = compute_type(reduce.body.dtype)
        least = lowest(dtype) if reduce.kind == "argmax" else highest(dtype)
        variables = ((fresh("best"), dtype), (fresh("where"), I64))
        return SharedExtreme(reduce.kind, variables, (least, NOWHERE))
    dtype = compute_type(reduce.dtype)
    return SharedReduction(reduce.kind, ((fresh(reduce.kind), dtype),), (initial(reduce, dtype),))


def _same(a: str, b: str, dtype: DType) -> str:
    equal = f"{a} == {b}"
    return f"({equal} || (m_isnan({a}) && m_isnan({b})))" if dtype.is_float else equal


def as_word(name: str, dtype: DType) -> str:
    """The variable NAME as the 8 bytes that a workspace keeps."""
    if dtype == F32:
        return f"u64(bit_cast<u32>({name}))"
    return f"bit_cast<u64>({name})" if dtype == F64 else f"u64({name})"


def from_word(word: str, dtype: DType) -> str:
    """A value of DTYPE from what `as_word` made of it."""
    if dtype == F32:
        return f"bit_cast<f32>(u32({word}))"
    if dtype == F64:
        return f"bit_cast<f64>({word})"
    return f"{word} != 0" if dtype == BOOL else f"{c_type(dtype)}({word})"
