"""Reductions that are spread over several threads: the state of a thread, and how states are combined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...dialects.core.dtypes import BOOL, F32, F64, I64, DType
from ...dialects.core.expr import ReduceExpr
from ...dialects.graph.numeric import compute_dtype
from ..text.literals import c_type, highest, lowest
from .reductions import better, combined, declared_array, initial

# The functors of row_reduce.cuh, by the kind of the reduction.
FUNCTORS = {"sum": "Sum", "prod": "Product", "max": "Maximum", "min": "Minimum", "any": "Any", "all": "All"}
EXTREMES = {"argmax": "Maximum", "argmin": "Minimum"}
KINDS = frozenset((*FUNCTORS, *EXTREMES))
NOWHERE = "0x7fffffffffffffffll"  # argmax, argmin: the position in a thread that has seen no element

Fresh = Callable[[str], str]


@dataclass(frozen=True)
class SharedReduction:
    """The state of a reduction in one thread: C `variables` with their types, and their `first` values.

    With several `lanes` a variable is the element of an array at the current lane.
    """

    kind: str
    variables: tuple[tuple[str, DType], ...]
    first: tuple[str, ...]
    lanes: int = 1

    def declare(self) -> list[str]:
        """Statements that define the variables, before the first element."""
        lines = []
        for (name, dtype), value in zip(self.variables, self.first, strict=True):
            if self.lanes == 1:
                lines.append(f"{c_type(dtype)} {name} = {value};")
            else:
                lines += declared_array(name.removesuffix("[lane]"), dtype, value, self.lanes)
        return lines

    def restart(self) -> list[str]:
        """Statements that reset the variables to their first values."""
        return [f"{name} = {value};" for (name, _), value in zip(self.variables, self.first, strict=True)]

    def update(self, element: str, position: str) -> list[str]:
        """Statements that reduce ELEMENT at POSITION into the state; positions ascend within a thread."""
        name, dtype = self.variables[0]
        return [f"{name} = {combined(self.kind, name, element, dtype)};"]

    def join(self, other: Sequence[str]) -> list[str]:
        """Statements that combine the state with that of the variables OTHER."""
        return self.update(other[0], "")

    def combine_threads(self, fresh: Fresh, spread: str) -> list[str]:
        """Statements that combine the states of all threads of a row; every thread gets the result.

        SPREAD has the template arguments of `row_reduce` that say which threads share a row.
        """
        name = self.variables[0][0]
        return [f"{name} = row_reduce<{FUNCTORS[self.kind]}, {spread}>({name}, smem);"]

    @property
    def result(self) -> str:
        """The variable that holds the result of the reduction."""
        return self.variables[-1][0]


@dataclass(frozen=True)
class SharedExtreme(SharedReduction):
    """The state of argmax or argmin: the best element and its position; the first of equal elements wins."""

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

    def combine_threads(self, fresh: Fresh, spread: str) -> list[str]:
        """As for other reductions: the best element, then the lowest position among its holders."""
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


def shared_reduction(fresh: Fresh, reduce: ReduceExpr, lanes: int = 1) -> SharedReduction:
    """The state of REDUCE in one thread; FRESH makes the names of its variables.

    With several LANES there is one for each; not for argmax and argmin.
    """
    if reduce.kind in EXTREMES:
        dtype = compute_dtype(reduce.body.dtype)
        least = lowest(dtype) if reduce.kind == "argmax" else highest(dtype)
        variables = ((fresh("best"), dtype), (fresh("where"), I64))
        return SharedExtreme(reduce.kind, variables, (least, NOWHERE))
    dtype = compute_dtype(reduce.dtype)
    name = fresh(reduce.kind) + ("[lane]" if lanes > 1 else "")
    return SharedReduction(reduce.kind, ((name, dtype),), (initial(reduce, dtype),), lanes)


def _same(a: str, b: str, dtype: DType) -> str:
    equal = f"{a} == {b}"
    return f"({equal} || (m_isnan({a}) && m_isnan({b})))" if dtype.is_float else equal


def as_word(name: str, dtype: DType) -> str:
    """The variable NAME of DTYPE as a 64-bit word for the workspace, as C text."""
    if dtype == F32:
        return f"u64(bit_cast<u32>({name}))"
    return f"bit_cast<u64>({name})" if dtype == F64 else f"u64({name})"


def from_word(word: str, dtype: DType) -> str:
    """The value of DTYPE that `as_word` encoded as WORD, as C text."""
    if dtype == F32:
        return f"bit_cast<f32>(u32({word}))"
    if dtype == F64:
        return f"bit_cast<f64>({word})"
    return f"{word} != 0" if dtype == BOOL else f"{c_type(dtype)}({word})"
