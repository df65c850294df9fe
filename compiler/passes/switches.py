"""hold and release: preserve the ops that fusion switches name through the passes of the graph level.

A switch is an option about ONNX nodes (`--keep`, `--nofuse`) or the attribute `nofuse` of an op in the IR
text. The ops that it names must still exist when kernels are formed. So the pass `hold` puts barriers
around them, which no pattern matches through, and `release` removes the barriers again. Besides, no
pattern matches at an op with the attribute.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...dialects.control import all_blocks
from ...dialects.core.builtin import Barrier
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.parts import AttributeAt
from ...dialects.core.traits import Trait, has
from ...dialects.graph.base import nofuse_of
from .manager import PassContext
from .origins import NodeNames


def resolve_switches(context: PassContext, names: NodeNames) -> None:
    """Resolve the names in CONTEXT's switches to nodes; a tensor stands for the node that produces it.

    Raises InputError for the first name that is neither a node nor a tensor.
    """
    context.keep = frozenset(names.resolve(name) for name in sorted(context.keep))
    pairs = sorted(context.barriers)
    context.barriers = frozenset((names.resolve(one), names.resolve(other)) for one, other in pairs)


class Hold:
    """op(x) => barrier(op(barrier(x))) for ops marked `nofuse`, barrier(op(x)) for nodes in switches.

    Raises IRError for a mark on an operand that the op does not have.
    """

    name = "hold"

    def run(self, module: Module, context: PassContext) -> Module:
        nodes = {*context.keep, *(node for barrier in context.barriers for node in barrier)}
        for block in all_blocks(module):
            for op in list(block):
                if nofuse_of(op) is not None:
                    _check_edges(op)
                    _hold_operands(op)
                    _hold_results(op, frozenset())
                elif not has(op, Trait.CONSTANT):
                    _hold_results(op, nodes & set(op.location.nodes))
        return module


class Release:
    """barrier(x) => x."""

    name = "release"

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            for barrier in list(_barriers(block)):
                barrier.replace_by(barrier.x)
        return module


def _barriers(block: Block) -> Iterator[Barrier]:
    for op in block:
        if isinstance(op, Barrier):
            yield op


def _check_edges(op: Operation) -> None:
    """Check that the operands marked `nofuse` exist. Raises IRError."""
    for index in edges_of(op):
        if index >= len(op.operands) or op.operands[index] is None:
            raise op_error(
                op, f"nofuse names operand {index}, which the op does not have", at=AttributeAt("nofuse")
            )


def _hold_operands(op: Operation) -> None:
    for index, value in enumerate(op.operands):
        if value is not None and not has(value.producer, Trait.CONSTANT):
            op.set_operand(index, _barrier(value, op))


def _hold_results(op: Operation, nodes: frozenset[str] | set[str]) -> None:
    """Insert barriers between OP and its users; with NODES, only before users that are of none of NODES."""
    if not nodes and nofuse_of(op) is None:
        return
    for value in op.results:
        readers = [(user, index) for user, index in value.uses if not nodes & set(user.location.nodes)]
        if readers:
            held = _barrier(value, op.next)
            for user, index in readers:
                user.set_operand(index, held)


def _barrier(value: Value, anchor: Operation | None) -> Value:
    """The result of a new barrier on VALUE, inserted before ANCHOR."""
    block = anchor.parent if anchor is not None else None
    assert block is not None  # the anchor exists, because a block ends with a terminator
    return block.insert_before(anchor, Barrier(value)).result


def barrier_between(context: PassContext, producer: Operation, consumer: Operation) -> str | None:
    """Why PRODUCER and a later CONSUMER must not share a kernel; None when no switch forbids it."""
    reason = context.fusion_barrier(producer.location.nodes, consumer.location.nodes)
    return reason or _marked(producer, consumer)


def _marked(producer: Operation, consumer: Operation) -> str | None:
    for op in (producer, consumer):
        if nofuse_of(op) is True:
            return f"{op.name} is marked nofuse"
    for index in edges_of(consumer):
        value = consumer.operands[index] if index < len(consumer.operands) else None
        if value is not None and value.producer is producer:
            return f"operand {index} of {consumer.name} is marked nofuse"
    return None


def edges_of(op: Operation) -> tuple[int, ...]:
    """The indices of the operands of OP that are marked `nofuse`; empty if OP as a whole is, or nothing."""
    edges = nofuse_of(op)
    return edges if isinstance(edges, tuple) else ()
