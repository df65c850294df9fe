"""join-bags: sums of rows of several tables become one op, and so one launch.

    embedding_bag(s, i), embedding_bag(t, j)  =>  embedding_bag(s, i, t, j), with two results

Lookups wait for memory most of the time, and a model with many tables has few bags of each: side by side they
wait together. Tables may differ in how many rows they have, and bags in their lengths; everything else is
alike, so that the kernel is the one of a single table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any, ClassVar

from ...dialects.control import all_blocks
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.location import merge
from ...dialects.core.module import Module
from ...dialects.graph.base import nofuse_of
from ...dialects.graph.embedding import MOST_TABLES, EmbeddingBag
from ..passes.ledger import Record, Verdict
from ..passes.manager import PassContext


class JoinBags:
    """Joins sums of rows of a block that are alike and do not depend on each other."""

    name: ClassVar[str] = "join-bags"

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            for alike in _alike(block, context):
                bags = [op for op in alike if not context.barred(alike[0].location.nodes, op.location.nodes)]
                for at in range(0, len(bags), MOST_TABLES):
                    _join(bags[at : at + MOST_TABLES], context)
        return module


def _alike(block: Block, context: PassContext) -> Iterable[list[EmbeddingBag]]:
    """The ops of BLOCK that may be joined, in program order."""
    depths: dict[Operation, int] = {}
    found: dict[Hashable, list[EmbeddingBag]] = defaultdict(list)
    for op in block:
        makers = [value.producer for inner in op.walk() for value in inner.inputs]
        depths[op] = max((depths.get(maker, 0) for maker in makers if maker is not None), default=0)
        if isinstance(op, EmbeddingBag) and op.count == 1 and nofuse_of(op) is None:
            found[(depths[op], _kind(op), context.policy.format_of(op))].append(op)
            depths[op] += 1  # what reads it is not beside it
    return found.values()


def _kind(op: EmbeddingBag) -> Hashable:
    """What is equal for ops that one kernel may compute."""
    (bag,) = op.bags
    types = tuple(None if value is None else value.type.dtype for value in bag)
    flags = (op.mode, op.ragged, op.closed, op.to)
    return types, flags, bag.table.type.shape[1], op.results[0].type.shape[0]


def _join(bags: list[EmbeddingBag], context: PassContext) -> None:
    """Make BAGS one op, in the place of the last of them; what depends on others follows it."""
    nodes = tuple(dict.fromkeys(node for op in bags for node in op.location.nodes))
    if len(bags) < 2:
        return
    verdict, reason = _verdict(bags, context)
    saved = {"launches_saved": len(bags) - 1}
    context.ledger.append(Record(JoinBags.name, tuple(op.name for op in bags), nodes, verdict, reason, saved))
    if verdict is not Verdict.TAKEN:
        return
    context.decide()
    first, last = bags[0], bags[-1]
    attributes: dict[str, Any] = {**first.attributes, "count": len(bags)}
    stated = {name: value for name, value in attributes.items() if value is not None}
    made = EmbeddingBag(
        *(value for op in bags for value in op.parts), loc=merge([op.location for op in bags]), **stated
    )
    block = last.parent
    assert block is not None
    block.insert_before(last, made)
    _move_behind(made, first, {value for op in bags for value in op.results}, block, set(bags))
    for op, y in zip(bags, made.results, strict=True):
        op.replace_by(y)


def _verdict(bags: list[EmbeddingBag], context: PassContext) -> tuple[Verdict, str]:
    if JoinBags.name in context.disabled:
        return Verdict.DISABLED, f"the rule {JoinBags.name} is switched off"
    return Verdict.TAKEN, "lookups in several tables wait for memory together"


def _move_behind(
    made: Operation, first: Operation, values: set[Value], block: Block, bags: set[EmbeddingBag]
) -> None:
    """Put the ops of BLOCK between FIRST and MADE that depend on VALUES behind MADE, in their order."""
    moved: list[Operation] = []
    op: Operation | None = first
    while op is not None and op is not made:
        if op not in bags and any(value in values for inner in op.walk() for value in inner.inputs):
            moved.append(op)
            values.update(op.results)
        op = op.next
    anchor = made.next
    for each in moved:
        block.unlink(each)
        block.insert_before(anchor, each)
