"""Moves the ops of a cluster into the region of a fused kernel."""

from __future__ import annotations

from ....dialects.core.builtin import Yield
from ....dialects.core.ir import Block, Operation, Region, Value
from ....dialects.core.location import merge
from ....dialects.core.traits import Trait, has
from ....dialects.fused import FusedKernel
from ....dialects.graph.constants import Constant
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.quantization import Quantize
from ....dialects.roots import Root
from .clusters import Cluster


def build_kernel(cluster: Cluster) -> FusedKernel:
    """Replace CLUSTER's ops by one kernel at the position of the last of them.

    Single-element constants are copied into the region, except for contractions, attention and bodies in
    CUDA, which read their operands from memory; the steps of eight bits always are. Every other value from
    outside becomes an operand, in the order of first use.
    """
    last = cluster.last
    assert last.parent is not None
    arguments = _Arguments()
    outside = last.parent
    anchor = last.next
    for op in cluster.ops:
        outside.unlink(op)
        op.location = merge([op.location])  # from here on tensors are no longer those of the model
        for index, value in enumerate(op.operands):
            if value is not None and value.producer not in cluster.ops:
                op.set_operand(index, arguments.inside(value, copied=_takes_scalars(cluster, op)))
        arguments.block.append(op)
    readers = [[(user, at) for user, at in value.uses if user not in cluster] for value in last.results]
    arguments.block.append(Yield(*last.results))
    location = merge([op.location for op in cluster.ops])
    region = Region(arguments.block)
    kernel = FusedKernel(*arguments.operands, regions=[region], loc=location, root=cluster.root)
    outside.insert_before(anchor, kernel)
    for value, made, uses in zip(kernel.results, last.results, readers, strict=True):
        value.hint, made.hint = made.hint, ""
        for user, index in uses:
            user.set_operand(index, value)
    return kernel


def _takes_scalars(cluster: Cluster, op: Operation) -> bool:
    """True when OP may read constants inside the region of CLUSTER's kernel."""
    return isinstance(op, Quantize) or (cluster.root.takes_constants and not has(op, Trait.CONTRACTION))


class _Arguments:
    """The block of a region under construction, and the outside values that become its arguments."""

    def __init__(self) -> None:
        self.block = Block()
        self.operands: list[Value] = []
        self._inside: dict[Value, Value] = {}

    def inside(self, value: Value, *, copied: bool) -> Value:
        """The value in the region that stands for the outside VALUE; with COPIED a scalar is copied in."""
        if value not in self._inside:
            copy = _scalar_copy(value) if copied else None
            if copy is not None:
                self._inside[value] = self.block.append(copy).result
            else:
                self.operands.append(value)
                self._inside[value] = self.block.add_argument(value.type, value.hint)
        return self._inside[value]


def _scalar_copy(value: Value) -> Operation | None:
    """A copy of the constant that defines VALUE when it has a single element; None otherwise."""
    producer = value.producer
    if isinstance(producer, Constant) and producer.value is not None and value.type.elements == 1:
        return Constant(value=producer.value, types=[value.type], loc=producer.location)
    return None


def build_copy(value: Value, reader: Operation, index: int) -> FusedKernel:
    """Make operand INDEX of READER (a return) a copy of VALUE, written by a kernel of its own."""
    assert reader.parent is not None
    block = Block([value.type])
    cast = block.append(Cast(block.arguments[0], to=value.type.dtype))
    block.append(Yield(cast.result))
    kernel = FusedKernel(value, regions=[Region(block)], root=Root.LOOP)
    reader.parent.insert_before(reader, kernel)
    reader.set_operand(index, kernel.result)
    return kernel
