"""Reductions inside one thread: the accumulators in emitted code, and how elements update them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...dialects.core.dtypes import BOOL, DType
from ...dialects.core.expr import ReduceExpr
from ...dialects.graph.numeric import compute_dtype
from ..text.literals import c_type, computed, highest, literal, lowest, stored
from .sections import SectionTerm

if TYPE_CHECKING:
    from .emitter import Emitter


@dataclass(frozen=True)
class ReductionState:
    """The emitted parts of a reduction.

    declare: statements before the loops, which define the accumulators; steps: statements for one element,
    which they call ELEMENT; finish: statements after the loops; result: the value of the reduction; unrolled:
    whether the loops are unrolled.
    """

    declare: list[str]
    steps: tuple[str, ...]
    result: SectionTerm
    finish: Sequence[str] = ()
    unrolled: bool = False

    def update(self, element: str) -> list[str]:
        """The statements that reduce ELEMENT, a C expression, into the accumulators."""
        return [step.replace("ELEMENT", element) for step in self.steps]


def initial(reduce: ReduceExpr, dtype: DType) -> str:
    """The identity of REDUCE as a literal, for partial results of DTYPE; ValueError for an unknown kind."""
    match reduce.kind:
        case "sum":
            return literal(-0.0 if reduce.signed_zero else 0, dtype)
        case "prod":
            return literal(1, dtype)
        case "max":
            return lowest(dtype)
        case "min":
            return highest(dtype)
        case "any":
            return literal(False, BOOL)
        case "all":
            return literal(True, BOOL)
    raise ValueError(f"no reduction '{reduce.kind}'")


def combined(kind: str, a: str, b: str, dtype: DType) -> str:
    """The C expression that combines the partial results A and B of a reduction of KIND in DTYPE."""
    match kind:
        case "sum":
            return f"{a} + {b}" if dtype.is_float else f"m_add({a}, {b})"
        case "prod":
            return f"{a} * {b}" if dtype.is_float else f"m_mul({a}, {b})"
        case "any":
            return f"{a} || {b}"
        case "all":
            return f"{a} && {b}"
    return f"m_{kind}({a}, {b})"


def better(kind: str, a: str, b: str, dtype: DType) -> str:
    """The C condition that argmax or argmin (KIND) prefers A to B, positions aside: NaN beats all numbers."""
    text = f"{a} {'>' if kind == 'argmax' else '<'} {b}"
    return f"{text} || (m_isnan({a}) && !m_isnan({b}))" if dtype.is_float else text


def reduction_state(emitter: Emitter, reduce: ReduceExpr, varying: bool) -> ReductionState:
    """The state of REDUCE: one accumulator, or one per lane when its elements vary."""
    lanes = emitter.lanes.count
    wide = varying and lanes > 1
    if reduce.kind.startswith("arg"):
        return _extreme_state(emitter, reduce, wide)
    dtype = compute_dtype(reduce.dtype)
    name = emitter.fresh(reduce.kind)
    place = f"{name}[lane]" if wide else name
    element = computed("ELEMENT", reduce.body.dtype)
    step = f"{place} = {combined(reduce.kind, place, element, dtype)};"
    declare = _declared(name, dtype, initial(reduce, dtype), lanes if wide else 0)
    return ReductionState(declare, (step,), SectionTerm(stored(place, reduce.dtype), wide))


def _declared(name: str, dtype: DType, start: str, lanes: int) -> list[str]:
    return declared_array(name, dtype, start, lanes) if lanes else [f"{c_type(dtype)} {name} = {start};"]


def declared_array(name: str, dtype: DType, start: str, lanes: int) -> list[str]:
    """Statements that define NAME, an array of LANES elements of DTYPE, all of them START."""
    fill = f"for (int lane = 0; lane < {lanes}; ++lane) {name}[lane] = {start};"
    return [f"{c_type(dtype)} {name}[{lanes}];", "GLASS_UNROLL", fill]


def _extreme_state(emitter: Emitter, reduce: ReduceExpr, wide: bool) -> ReductionState:
    """The state of argmax or argmin: the best element so far, its position, and a count of elements seen."""
    lanes = emitter.lanes.count if wide else 0
    dtype = compute_dtype(reduce.body.dtype)
    best, where, seen = (emitter.fresh(stem) for stem in ("best", "where", "seen"))
    declare = _declared(best, dtype, literal(0, dtype), lanes)
    declare += _declared(where, reduce.dtype, literal(-1, reduce.dtype), lanes)
    declare += _declared(seen, reduce.dtype, literal(0, reduce.dtype), lanes)
    if wide:
        best, where, seen = (f"{name}[lane]" for name in (best, where, seen))
    element = computed("ELEMENT", reduce.body.dtype)
    preferred = better(reduce.kind, element, best, dtype)
    update = f"if ({where} < 0 || {preferred}) {{ {best} = {element}; {where} = {seen}; }}"
    return ReductionState(declare, (update, f"++{seen};"), SectionTerm(where, wide))
