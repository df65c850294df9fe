"""Rows that a product of few rows computes itself, whole, before it multiplies them: normalised ones, say.

    matmul(f(x), w), where f reduces along k

Each block computes all of its rows while its weights are on their way, and keeps its part of k in shared
memory, in lines as bulk copies bring them. That takes less than another launch, since few rows are few
elements.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import product
from ....dialects.core.ir import Operation, Value
from ....dialects.graph.base import is_scalar
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.packed import PackedMatmul
from ...emit.lanes import Lanes
from ...emit.row_walk import HeldElements, RowWalk
from ...emit.rows import RowEmitter, in_groups
from ...emit.sections import INDENT, Section
from ...emit.stores import store_at
from ...request.request import Request
from ...request.signature import Signature
from ...text.render import Code
from ..contraction.binding import Contraction, contraction_of
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.prologue import NoPrologue, Prologue
from ..row.family import longest_vector
from ..row.problem import RowProblem, rows_of
from .config import WARP
from .layout import SharedLayout

PLACE = "place"  # the C variable of where a thread stores its vector of a row
MOST_ELEMENTS = 8192  # of a row: more of them are dear where every block computes them


@dataclass(frozen=True)
class OwnRowsSpec:
    """How a block computes its rows: `lines` of them, one after another by all of its threads, or `at_once`
    rows by a warp each.

    early: statements that load what threads keep of weights; decode: those that find the indices of a row;
    reduce and store: those that reduce a row, and that store its elements; lines_at and found_at: where rows
    lie in shared memory, and what warps find of them.
    """

    lines: int
    at_once: int
    lines_at: int
    found_at: int
    early: tuple[Code, ...]
    decode: tuple[Code, ...]
    reduce: tuple[Code, ...]
    store: tuple[Code, ...]


def with_own_rows(request: Request) -> Contraction | None:
    """The only contraction of REQUEST's region, if rows of its first operand are reduced before it, so that a
    block may compute them; None where it is not."""
    found = contraction_of(request, read_rows)
    return None if found is None or row_problem(request, found) is None else found


def read_rows(root: Operation) -> Prologue | NoPrologue:
    """The prologue of ROOT where its rows may be computed whole; why they are not."""
    operand = root.inputs[0]
    if not isinstance(root, (Matmul, PackedMatmul)) or root.attributes.get("transpose_a"):
        return NoPrologue("rows along k are those of a matrix product")
    read: list[Value] = []
    pending, seen = [operand], {operand}
    while pending:
        value = pending.pop()
        op = value.producer
        if op is None:
            read.append(value)
        elif not is_scalar(op):
            return NoPrologue(f"{op.name} is no scalar expression")
        new = [each for each in (op.inputs if op is not None else ()) if each not in seen]
        seen.update(new)
        pending += new
    streamed = [value for value in read if value.type.shape == operand.type.shape]
    if not streamed or operand in streamed:
        return NoPrologue("it reads no rows, or reads them as they are")
    return Prologue(operand, streamed[0], whole=True)


def row_problem(request: Request, contraction: Contraction) -> RowProblem | None:
    """The row problem of the rows of CONTRACTION, REQUEST's; None where blocks do not compute them."""
    return request.once("own rows", lambda: _row_problem(request, contraction))


def _row_problem(request: Request, contraction: Contraction) -> RowProblem | None:
    operand, problem = contraction.root.inputs[0], contraction.problem
    found = rows_of(request, [operand], operand.type)
    if found is None or not found.along_columns or problem.batch or found.columns.size != problem.k:
        return None
    if (
        product(axis.size for axis in found.rows.axes) != problem.m
        or problem.at_optimum(problem.k) > MOST_ELEMENTS
    ):
        return None
    return found if vector_of(found, problem) > 1 else None


def vector_of(rows: RowProblem, problem: Problem) -> int:
    """The elements that a thread takes of a row at a time: 16 bytes of a line, or fewer."""
    return min(longest_vector(rows), COPY_BYTES // problem.a.bytes)


def own_rows_spec(
    request: Request, contraction: Contraction, memory: SharedLayout, splits: int, signature: Signature
) -> OwnRowsSpec | None:
    """The spec of the rows of CONTRACTION that a block with MEMORY, one of SPLITS that share k, computes;
    None if copies bring them."""
    problem = contraction.problem
    if not contraction.prologue.whole:
        return None
    rows = row_problem(request, contraction)
    if rows is None or not isinstance(problem.k, int):
        raise ValueError("rows that a block cannot compute")
    at_once = 1 if memory.lines == 1 else memory.warps
    emitter = _emitter(request, rows, signature)
    emitter.rows, emitter.workers = at_once, WARP * memory.warps // at_once
    emitter.vector = vector_of(rows, problem)
    held = emitter.held = HeldElements(RowWalk(problem.k, emitter.vector, emitter.workers))
    top = Section(1)
    for group in in_groups(rows.shared):
        emitter.share(group, top)
    reduce = top.finished(1)
    inner = top.child(emitter.vector)
    (column,) = (axis for axis in rows.columns.axes if axis.size != 1)
    with emitter.along(column.symbol):
        store_at(emitter, PLACE, problem.a, rows.results[0], inner)
    lines = [f"unsigned char* const {PLACE} = place_of(column);", *inner.finished(emitter.vector)]
    if splits > 1:
        lines = ["if (column >= k_begin && column < k_end) {", *(INDENT + line for line in lines), "}"]
    store = held.walk.over(lines)
    return OwnRowsSpec(
        lines=memory.lines,
        at_once=at_once,
        lines_at=memory.lines_at,
        found_at=memory.found_at,
        early=_code(held.loads(early=True)),
        decode=_code(rows.rows.decode(emitter.names, signature.index_type)),
        reduce=_code([*held.loads(early=False), *reduce]),
        store=_code(store),
    )


def _emitter(request: Request, rows: RowProblem, signature: Signature) -> RowEmitter:
    buffers = signature.buffers(request)
    emitter = RowEmitter(buffers, signature.symbols, (rows.rows, rows.columns), Lanes("", 1))
    emitter.ranges = {**request.ranges, **rows.rows.ranges(request.ranges)}
    emitter.weights = frozenset(buffers[request.region.arguments[at]] for at in request.weights)
    return emitter


def _code(lines: list[str]) -> tuple[Code, ...]:
    return tuple(Code(line) for line in lines)
