"""pad-rows, of joined tensors: rows of 1296 bytes => the same rows, 1312 bytes apart, in whole sectors

A part of a row of a joined tensor begins where its neighbours end. Where rows are no multiple of a sector,
most parts begin within one, and a line of such a part takes a sector more each time it is read, which a
window does for each of its taps. Rows are lengthened by at most a sixteenth.
"""

from __future__ import annotations

from dataclasses import replace

from ....dialects.core.affine import Dim, exact_div
from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import Layout, TensorType
from ....dialects.precision import PrecisionKernel
from ...fusion.vertical.record import PAD_ROWS
from ...patterns.strided import part
from .context import Places, ViewContext, memory_order
from .record import Savings
from .row_pitches import longer_rows
from .view_plan import ViewPlace

LONGEST = 17 / 16  # of the length of a row
WHOLE = "rows of the joined tensor are whole sectors of the L2 cache"


def align_joined(context: ViewContext) -> None:
    """Decide on every tensor that others are parts of."""
    for root in dict.fromkeys(place.root for place in context.plan.places.values()):
        if root in context.plan.wholes or context.is_output(root) or context.is_passed(root):
            continue
        whole = longer_rows(root.type, context.cost.sector_bytes, LONGEST)
        if whole is not None and isinstance(root.producer, PrecisionKernel):
            _decide(root.producer, root, whole, context)


def respaced(type: TensorType, length: int, longer: int) -> TensorType | None:
    """TYPE, a part of a tensor with rows of LENGTH elements, where these are LONGER; None where it has steps
    that are neither within a row nor from row to row."""
    moved = [_moved(stride, length, longer) for stride in type.strides]
    offset = _moved(type.layout.offset, length, longer)
    steps = tuple(step for step in moved if step is not None)
    if offset is None or len(steps) < len(moved):
        return None
    return type.with_layout(Layout((), steps, offset))


def _moved(at: Dim, length: int, longer: int) -> Dim | None:
    """The element AT, counted from the start of rows of LENGTH, where these are LONGER."""
    if isinstance(at, int):
        return at // length * longer + at % length if at % length == 0 or 0 <= at < length else None
    rows = exact_div(at, length)
    return None if rows is None else rows * longer


def _decide(kernel: PrecisionKernel, root: Value, whole: TensorType, context: ViewContext) -> None:
    """Decide on ROOT, a result of KERNEL, which would be a part of WHOLE."""
    plan = context.plan
    refusal, places = context.record.switched_off(PAD_ROWS), _places(root, whole, context)
    savings = Savings(-context.cost.added(root.type, whole), 0)
    affected = context.affected(places, ()) if places else []
    if refusal is None and (not places or any(context.reshape_refusal(own, places) for own in places)):
        refusal = "parts of it are no parts of its rows"
    if refusal is None and not any(map(_multiplies, affected)):
        return
    if refusal is None and (denied := context.cost.access_refusal(affected, places)) is not None:
        refusal = denied.reason
    if refusal is not None:
        context.record.refused(PAD_ROWS, kernel, refusal, savings)
        return
    length, longer = _lengths(root, whole)
    for op, copies in plan.copies.items():
        own = [
            respaced(copy.place.type, length, longer) if copy.place.root is root else None for copy in copies
        ]
        plan.copies[op] = [
            copy if type is None else replace(copy, place=ViewPlace(root, type))
            for copy, type in zip(copies, own, strict=True)
        ]
    plan.places.update(places)
    plan.wholes[root] = whole
    context.cost.forget(affected)
    context.record.taken(PAD_ROWS, kernel, WHOLE, savings)


def _places(root: Value, whole: TensorType, context: ViewContext) -> Places:
    """The places of ROOT, a part of WHOLE, and of its parts; empty where one cannot be moved."""
    plan, lengths = context.plan, _lengths(root, whole)
    own = {value: place for value, place in plan.places.items() if place.root is root}
    types = {value: respaced(place.type, *lengths) for value, place in own.items()}
    copied = [copy.place for copies in plan.copies.values() for copy in copies if copy.place.root is root]
    if None in types.values() or any(respaced(place.type, *lengths) is None for place in copied):
        return {}
    places = {value: ViewPlace(root, type) for value, type in types.items() if type is not None}
    return {root: ViewPlace(root, part(whole, (0,) * whole.rank, root.type.shape)), **places}


def _lengths(root: Value, whole: TensorType) -> tuple[int, int]:
    """The elements of a row of ROOT, and of WHOLE."""
    axis = memory_order(root.type)[-1]
    length, longer = root.type.shape[axis], whole.shape[axis]
    assert isinstance(length, int) and isinstance(longer, int)
    return length, longer


def _multiplies(kernel: PrecisionKernel) -> bool:
    return any(has(op, Trait.CONTRACTION) for op in kernel.body.block)
