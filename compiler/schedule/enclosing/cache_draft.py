"""Drafts of launches as one: attention, the writes of its caches, and what its queries are computed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Value
from ....dialects.core.types import ROW_MAJOR
from ....dialects.graph.attention import Attention
from ....dialects.graph.base import is_scalar
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.sequences import WriteCache
from ....dialects.launch import Kernel
from ....dialects.launch_memory import Buffer, View
from ...patterns.strided import same_memory
from .draft import EnclosingDraft, writers_of


@dataclass(frozen=True, eq=False)
class CacheDraft(EnclosingDraft):
    """The launches `ops` as one: `attention` reads as its queries, keys and values what `makers` write, in
    this order; there may be none of the queries, which are then read as they are."""

    attention: Kernel
    makers: tuple[Kernel | None, Kernel, Kernel]

    @property
    def lead(self) -> Kernel:
        return self.attention

    @property
    def between(self) -> list[Value]:
        """The queries. The caches stay."""
        return [] if self.makers[0] is None else [_base(self._operands[0][1])]

    @property
    def gone(self) -> list[Value]:
        """What is between, and the views by which attention reads it and the caches; views first."""
        views = [outside for _, outside in self._operands if isinstance(outside.producer, View)]
        return [*(view for view in views if self._is_ours(view)), *self.between]

    @cached_property
    def reads(self) -> list[Value]:
        found = [value for maker in self.makers if maker is not None for value in maker.reads]
        made = {argument for argument, _ in self._operands}
        arguments = self.attention.body.block.arguments
        pairs = zip(arguments, self.attention.reads, strict=True)
        return list(dict.fromkeys([*found, *(value for argument, value in pairs if argument not in made)]))

    @property
    def writes(self) -> list[Value]:
        """The results of attention, and both caches."""
        return [self.attention.writes[0], *(op.writes[0] for op in self.makers[1:] if op is not None)]

    @cached_property
    def region(self) -> Block:
        """Attention to what the makers compute; buffers that several of them read are one argument."""
        region = Block()
        given = {value: region.add_argument(value.type, value.hint) for value in self.reads}
        made: dict[Value, Value] = {}
        caches: list[Value] = []
        for maker, (argument, _) in zip(self.makers, _operands(self.attention), strict=True):
            if maker is not None:
                (value,) = _copied(maker, region, given, {})
                caches.append(value)
                if value.type.shape != argument.type.shape:
                    value = region.append(Reshape(value, shape=argument.type.shape)).result
                made[argument] = value
        region.append(Yield(*_copied(self.attention, region, given, made), *caches[-2:]))
        return region

    @cached_property
    def _operands(self) -> list[tuple[Value, Value]]:
        """The arguments of attention that makers compute, and the buffers or views that it reads as these."""
        pairs = zip(self.makers, _operands(self.attention), strict=True)
        return [pair for maker, pair in pairs if maker is not None]

    def _is_ours(self, view: Value) -> bool:
        return all(user is self.attention for user in view.users)


def _copied(
    kernel: Kernel, region: Block, given: dict[Value, Value], made: dict[Value, Value]
) -> Iterable[Value]:
    """Copies the ops of KERNEL to REGION, which reads buffers as GIVEN and has computed the arguments MADE;
    returns its results."""
    body = kernel.body.block
    copies = dict(made)
    for argument, value in zip(body.arguments, kernel.reads, strict=True):
        if argument not in made:
            copies[argument] = given[value]
    for op in body:
        if op.next is not None:
            region.append(clone_op(op, copies))
    return [copies[value] for value in body.terminator.inputs]


def drafts_with_caches(attention: Kernel) -> list[EnclosingDraft]:
    """What might be one launch with ATTENTION: the writes of both its caches in place, and, if nothing else
    reads them, what computes its queries."""
    operands = _operands(attention)
    if not operands or attention.outputs != 1 or attention.stacked:
        return []
    keys, values = (_cache_writer(outside) for _, outside in operands[1:])
    if keys is None or values is None or keys is values:
        return []
    queries = _only_maker(attention, operands[0][1])
    makers = [op for op in (queries, keys, values) if op is not None]
    if any(op.parent is not attention.parent or op.outputs != 1 or op.stacked for op in makers):
        return []
    block = attention.parent
    assert block is not None
    ops = tuple(op for op in block if op is attention or op in makers)
    return [CacheDraft(ops, attention, (queries, keys, values))]


def _operands(kernel: Kernel) -> list[tuple[Value, Value]]:
    """The arguments that queries, keys and values of KERNEL's attention are, with the buffers or views that
    are read as these; none where it has no such."""
    body = kernel.body.block
    found = [op for op in body if isinstance(op, Attention)]
    if len(found) != 1:
        return []
    operands = found[0].q, found[0].k, found[0].v
    outside = dict(zip(body.arguments, kernel.reads, strict=True))
    if any(value not in outside or len(value.uses) != 1 for value in operands):
        return []
    return [(value, outside[value]) for value in operands]


def _base(value: Value) -> Value:
    while isinstance(value.producer, View):
        value = value.producer.x
    return value


def _lies_alike(value: Value) -> bool:
    """Whether VALUE and the buffer that it is a view of have their elements in the same, row-major order."""
    types = value.type, _base(value).type
    return types[0].elements == types[1].elements and all(
        type.layout.offset == 0 and same_memory(type, type.with_layout(ROW_MAJOR)) for type in types
    )


def _cache_writer(value: Value) -> Kernel | None:
    """The launch that writes, in place, the cache that VALUE is or views; None where that is no cache."""
    writers = dict.fromkeys(writers_of(_base(value)))
    if len(writers) != 1 or not _lies_alike(value):
        return None
    (kernel,) = writers
    made = kernel.body.block.terminator.inputs[0].producer
    return kernel if isinstance(made, WriteCache) and made.in_place else None


def _only_maker(attention: Kernel, value: Value) -> Kernel | None:
    """The launch of scalar expressions that computes VALUE, where ATTENTION alone reads that; else None."""
    buffer = _base(value)
    if not isinstance(buffer.producer, Buffer) or buffer.producer.space != "arena" or not _lies_alike(value):
        return None
    writers = writers_of(buffer)
    readers = [op for op in buffer.users if op not in writers]
    if len(writers) != 1 or len(readers) != 1 or len(value.users) != (1 if value is not buffer else 2):
        return None
    chained = value is buffer or value.producer is readers[0]
    scalar = all(is_scalar(op) for op in writers[0].body.block if op.next is not None)
    return writers[0] if chained and scalar and attention in value.users else None
