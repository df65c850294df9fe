"""Attention over caches that its kernel writes: queries are computed where they are used, and one new key and
value go to the caches, in place, by the blocks that read these."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import ROW_MAJOR, TensorType
from ....dialects.graph.attention import Attention
from ....dialects.graph.base import is_scalar
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.sequences import WriteCache
from ...request.request import Request

RESULTS = 3  # of such a kernel: what attention gives, the cache of keys and that of values


@dataclass(frozen=True, eq=False)
class AttendedCaches:
    """The attention `op` over the caches that `keys` and `values` write, a new element of each sequence.

    inner: the request for attention alone, whose first three inputs are the queries and both caches; given:
    the arguments of the kernel's region that its other inputs are; early: callers give what says where new
    elements lie, so that kernels read the caches before these while earlier kernels still run.
    """

    op: Attention
    keys: WriteCache
    values: WriteCache
    inner: Request
    given: tuple[Value, ...]
    early: bool


def cached_attention(request: Request) -> AttendedCaches | None:
    """The attention that REQUEST is with the writes of its caches; None where it is something else."""
    return request.once("cached attention", lambda: _find(request))


def _find(request: Request) -> AttendedCaches | None:
    roots = [op for op in request.ops if isinstance(op, Attention)]
    if len(roots) != 1 or len(request.writes) != RESULTS or request.stacked:
        return None
    op = roots[0]
    keys, values = _write(request, op.k), _write(request, op.v)
    if keys is None or values is None or keys is values:
        return None
    if request.region.terminator.inputs[1:] != (keys.result, values.result):
        return None
    if keys.starts is not values.starts or keys.circular != values.circular:
        return None
    inside, given = _attention_alone(request, op, keys, values)
    if not all(is_scalar(each) and not _sums(each) for each in request.ops if each not in inside):
        return None
    region, arguments = _region(request, op, (op.q, keys.result, values.result), inside, given)
    inner = Request(region, request.writes[:1], request.ranges, request.optimum, request.target, request.name)
    return AttendedCaches(op, keys, values, inner, arguments, _comes_of_callers(request, keys.starts))


def _comes_of_callers(request: Request, value: Value | None) -> bool:
    """Whether VALUE is computed from what callers give alone."""
    if value is None:
        return True
    if value.producer is None:
        return request.region.arguments.index(value) in request.given
    return all(_comes_of_callers(request, each) for each in value.producer.inputs)


def _write(request: Request, operand: Value) -> WriteCache | None:
    """The write in place of a cache [.., keys, features] that OPERAND of attention is, where one element of
    each sequence is new; None where it is no such."""
    value = operand
    while isinstance(value.producer, Reshape):
        value = value.producer.x
    write = value.producer
    if not isinstance(write, WriteCache) or not write.in_place:
        return None
    shape, rank = write.cache.type.shape, write.cache.type.rank
    if write.axis % rank != rank - 2 or write.update.type.shape[-2] != 1:
        return None
    if write.cache not in request.region.arguments or len(write.cache.uses) != 1:
        return None
    seen = operand.type.shape
    alike = seen[-2:] == shape[-2:] and longer(seen[:-2]) == longer(shape[:-2])
    return write if alike and write.cache.type.dtype == operand.type.dtype else None


def longer(shape: tuple[Dim, ...]) -> list[Dim]:
    """The sizes of SHAPE but for those of 1."""
    return [size for size in shape if size != 1]


def _sums(op: Operation) -> bool:
    return any(has(op, trait) for trait in (Trait.REDUCTION, Trait.WINDOW, Trait.ROW, Trait.CONTRACTION))


def _attention_alone(
    request: Request, op: Attention, keys: WriteCache, values: WriteCache
) -> tuple[set[Operation], list[Value]]:
    """The ops that compute the result from queries and caches, and the arguments that they read besides."""
    made = {op.q, keys.result, values.result}
    inside: set[Operation] = set()
    given: list[Value] = []
    waiting = [request.region.terminator.inputs[0]]
    while waiting:
        value = waiting.pop()
        if value in made or value in given:
            continue
        if value.producer is None:
            given.append(value)
        elif value.producer not in inside:
            inside.add(value.producer)
            waiting += value.producer.inputs
    return inside, given


def _region(
    request: Request,
    op: Attention,
    made: tuple[Value, Value, Value],
    inside: set[Operation],
    given: list[Value],
) -> tuple[Block, tuple[Value, ...]]:
    """The region of INSIDE, whose first arguments stand for the values MADE, and what its others are."""
    region = Block()
    queries = TensorType(op.q.type.shape, op.q.type.dtype).with_layout(ROW_MAJOR)
    caches = [value.producer.inputs[0].type for value in made[1:] if value.producer is not None]
    copies = {
        value: region.add_argument(type, value.hint)
        for value, type in zip(made, (queries, *caches), strict=True)
    }
    arguments = tuple(value for value in request.region.arguments if value in given)
    copies |= {value: region.add_argument(value.type, value.hint) for value in arguments}
    for each in request.ops:
        if each in inside:
            region.append(clone_op(each, copies))
    region.append(Yield(copies[request.region.terminator.inputs[0]]))
    return region, arguments
