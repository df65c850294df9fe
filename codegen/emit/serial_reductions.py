"""Reductions by one thread: loops over scalars, or over packed vectors where elements are those of lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dialects.core.expr import ReduceExpr
from ..text.literals import c_type
from .offsets import linear_offset
from .packed import packed_extreme
from .reductions import ReductionState, reduction_state
from .sections import Guard, Section, SectionTerm

if TYPE_CHECKING:
    from .emitter import Emitter


def serial_reduce(emitter: Emitter, reduce: ReduceExpr, section: Section) -> SectionTerm:
    """Emit REDUCE as nested loops in one thread. ValueError when its extents differ between lanes."""
    if not all(emitter.lanes.uniform(extent) for _, extent in reduce.variables):
        raise ValueError("a sum must have one number of elements in all lanes")
    inner = section.child()
    for variable, _ in reduce.variables:
        emitter.names.define(variable, emitter.fresh("r"))
    state = _packed(emitter, reduce, inner) or _by_elements(emitter, reduce, inner)
    section.lines(state.declare)
    for variable, extent in reduce.variables:
        name = emitter.names[variable]
        if state.unrolled:
            section.lines(["GLASS_UNROLL"])
        section.open(f"for (int {name} = 0; {name} < {emitter.index(extent)}; ++{name}) {{")
    section.embed(inner.finished(emitter.lanes.count))
    for _ in reduce.variables:
        section.close()
    section.lines(state.finish)
    return state.result


def _by_elements(emitter: Emitter, reduce: ReduceExpr, inner: Section) -> ReductionState:
    """The state of REDUCE over scalars; the statements for one element go to INNER."""
    body = emitter.lower(reduce.body, inner)
    state = reduction_state(emitter, reduce, body.varying)
    inner.write_all(state.update(body.text), body.varying)
    return state


def _packed(emitter: Emitter, reduce: ReduceExpr, inner: Section) -> ReductionState | None:
    """The state of REDUCE over packed vectors; None where that is impossible.

    The statements for one vector go to INNER.
    """
    packed = packed_extreme(reduce, emitter.lanes)
    if packed is None:
        return None
    guard = SectionTerm("") if packed.condition is None else emitter.lower(packed.condition, inner)
    if guard.varying:
        return None
    name, result, count = emitter.fresh(packed.kind), emitter.fresh(packed.kind), emitter.lanes.count
    buffer = emitter.buffers[packed.load.source]
    offset = emitter.index(linear_offset(packed.load.source.type, packed.load.index))
    none = f"filled<{count}>({packed.start})"
    read = Guard(guard.text).applied(f"load_packed<{count}>({buffer}, {offset})", none)
    inner.lines([f"{name} = {packed.kind}_all({name}, {read});"])
    kind = f"{c_type(packed.load.dtype)}, {count}"
    return ReductionState(
        declare=[f"Packed<{kind}> {name} = {none};"],
        steps=(),
        result=SectionTerm.lane_of(result),
        finish=[f"const Vec<{kind}> {result} = unpacked({name});"],
        unrolled=packed.unrolled,
    )
