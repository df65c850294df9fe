"""Writes into caches that stay where they are: a kernel goes over the new elements alone."""

from __future__ import annotations

from ...dialects.core.affine import Dim, symbol
from ...dialects.core.bounds import simplify
from ...dialects.core.expr import Scalars
from ...dialects.core.types import ROW_MAJOR, TensorType
from ...dialects.graph.sequences import WriteCache
from ..emit.emitter import Emitter
from ..emit.inline import RegionExpressions
from ..emit.sections import Section
from ..request.request import Request

PLACE = "_place"  # the symbol of the position in the cache, along the axis of the write


def in_place(request: Request) -> WriteCache | None:
    """The write in place that REQUEST's region yields; None where it yields something else."""
    for value in request.region.terminator.inputs:
        if isinstance(value.producer, WriteCache) and value.producer.in_place:
            return value.producer
    return None


def may_write_in_place(request: Request) -> bool:
    """Whether REQUEST writes nothing in place, or a cache that is an input, and no more."""
    write = in_place(request)
    if write is None:
        return True
    single = len(request.writes) == 1 and len(write.cache.uses) == 1
    return single and write.cache in request.region.arguments


def traversed(request: Request) -> TensorType:
    """The type of what a loop kernel goes over: what it writes."""
    write = in_place(request)
    return request.writes[0] if write is None else write.update.type.with_layout(ROW_MAJOR)


def moved(request: Request) -> list[TensorType]:
    """The types of what REQUEST's kernel moves: what it reads and writes, but for the rest of a cache."""
    write = in_place(request)
    if write is None:
        return [*request.reads, *request.writes]
    read = [argument.type for argument in request.region.arguments if argument is not write.cache]
    return [*read, traversed(request)]


def placed(
    write: WriteCache,
    index: tuple[Dim, ...],
    expressions: RegionExpressions,
    emitter: Emitter,
    section: Section,
) -> tuple[Dim, ...]:
    """Where element INDEX of the update lies in the cache; the statements that find it go to SECTION, and the
    thread ends where it lies outside."""
    axis = write.axis % len(index)
    index = tuple(simplify(dim, expressions.ranges) for dim in index)
    found = emitter.lower(write.place(Scalars(loader=expressions.element), index), section)
    if found.varying:
        raise ValueError("the lanes of a thread lie in several places")
    section.write(f"const i64 place = {found.text};", varying=False)
    if not write.circular:
        size = emitter.index(write.cache.type.shape[axis])
        section.write(f"if (place < 0 || place >= {size}) return;", varying=False)
    emitter.names.define(PLACE, "place")
    return (*index[:axis], symbol(PLACE), *index[axis + 1 :])
