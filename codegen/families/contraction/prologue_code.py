"""Emits the prologue of a contraction: the code between loading and staging its first operand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....dialects.core.affine import Dim
from ....dialects.core.bounds import Range
from ....dialects.core.expr import Expr, Index
from ....dialects.core.ir import Value
from ...emit.emitter import Emitter, Given
from ...emit.inline import Given as Source
from ...emit.inline import RegionExpressions
from ...emit.lanes import Lanes
from ...emit.narrow_types import narrowing
from ...emit.sections import Section
from ...emit.spaces import Space
from ...emit.stores import write_vector
from ...request.request import Request
from ...request.signature import Signature
from .prologue import Prologue

LOADED, PLACE, ORIGIN = "loaded", "value", "a_origin"


def row_name(number: int) -> str:
    """The C array with row value NUMBER, for each row that a thread copies."""
    return f"a_row{number}"


def emit_elements(
    request: Request,
    signature: Signature,
    prologue: Prologue,
    index: Index,
    lanes: Lanes,
    row_at: str,
    names: Mapping[str, str],
) -> list[str]:
    """Statements that compute `lanes.count` adjacent elements of the first operand, `value`, from `loaded`.

    INDEX is the index of the first one, in symbols whose C variables NAMES gives. ROW_AT is the C expression
    of its row among those that the thread copies; it uses `lane` when the elements are in different rows.
    """
    suffix = "[lane]" if lanes.count > 1 else "[0]"
    several = lanes.count > 1
    dtype = prologue.streamed.type.dtype
    element = Given(LOADED + suffix, dtype, varying=several, vector=LOADED if several else None)
    given: dict[Value, Source] = {prologue.element: _always(element)}
    for number, value in enumerate(prologue.rows):
        text = f"{row_name(number)}[{row_at}]"
        given[value] = _always(Given(text, value.type.dtype, varying=several and "lane" in row_at))
    expressions = RegionExpressions(request.ranges, given)
    emitter = Emitter(signature.buffers(request), {**signature.symbols, **names}, (), lanes)
    section = Section(lanes.count)
    expr = expressions.element(prologue.operand, index)
    if several and narrowing(expr) is not None:
        to = (PLACE, prologue.operand.type.dtype)
        write_vector(emitter, to, expr, section, lambda vector: f"{PLACE} = {vector};")
        return section.finished(lanes.count)
    term = emitter.lower(expr, section)
    if term.vector is not None:
        section.after(f"{PLACE} = {term.vector};")
    else:
        section.write(f"{PLACE}{suffix} = {term.text};", varying=True)
    return section.finished(lanes.count)


def emit_rows(
    request: Request,
    signature: Signature,
    prologue: Prologue,
    index: Index,
    spaces: Sequence[Space],
    names: Mapping[str, str],
) -> list[str]:
    """Statements that run once per row, for the row whose first element is at INDEX.

    They compute the row values and, with a gather, the row's origin: its offset in the table, in elements.
    """
    ranges: dict[str, Range] = dict(request.ranges)
    for space in spaces:
        ranges.update(space.ranges(request.ranges))
    expressions = RegionExpressions(ranges)
    lanes = Lanes("_none", 1)
    emitter = Emitter(signature.buffers(request), {**signature.symbols, **names}, tuple(spaces), lanes)
    section = Section(lanes.count)
    for number, value in enumerate(prologue.rows):
        term = emitter.lower(expressions.element(value, broadcast_index(value, index)), section)
        section.write(f"{row_name(number)}[slot] = {term.text};", varying=False)
    if prologue.gather is not None:
        origin = emitter.address(expressions.element(prologue.gather.result, index), section)
        section.write(f"{ORIGIN}[slot] = {origin};", varying=False)
    decode = [line for space in spaces for line in space.decode(emitter.names, signature.index_type)]
    return decode + section.finished(lanes.count)


def broadcast_index(value: Value, index: Index) -> tuple[Dim, ...]:
    """The index in VALUE that corresponds to INDEX in the tensor that VALUE is broadcast to."""
    shape = value.type.shape
    own = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else at for at, size in zip(own, shape, strict=True))


def _always(expr: Expr) -> Source:
    return lambda index: expr
