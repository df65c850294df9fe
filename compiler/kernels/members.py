"""The members of a launch: the kernels of a group, each with its part of the operands, or itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...codegen.interface import MemberKernel, member_kernels
from ...dialects.core.ir import Block
from ...dialects.core.traits import Trait, has
from ...dialects.launch import Kernel


@dataclass(frozen=True)
class Member(MemberKernel):
    """A kernel inside a launch, with the ONNX nodes that it computes."""

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The ONNX nodes of the member's ops, in order."""
        return tuple(dict.fromkeys(node for nodes in op_nodes(self.body) for node in nodes))


def members_of(op: Kernel) -> list[Member]:
    """The members of OP in order; a launch that is no group is its only member. Raises IRError."""
    return [Member(**vars(each)) for each in member_kernels(op)]


def op_nodes(block: Block) -> Iterator[tuple[str, ...]]:
    """The ONNX nodes of every op in BLOCK that computes something, for ops that have nodes."""
    for outer in block:
        for op in outer.walk():
            still = has(op, Trait.CONSTANT) or has(op, Trait.TERMINATOR)
            if not still and op.location.nodes:
                yield op.location.nodes


def nodes_by_launch(kernels: Sequence[Kernel]) -> list[tuple[str, ...]]:
    """The ONNX nodes that each of KERNELS, the launches of one module, computes.

    A kernel without ops of a node, such as one that a pass added, stands for those nodes of its own
    location that no other kernel computes. A copy of another kernel's result stands for none.
    """
    found = [
        tuple(dict.fromkeys(node for nodes in op_nodes(op.body.block) for node in nodes)) for op in kernels
    ]
    inside = {node for nodes in found for node in nodes}
    return [
        nodes or tuple(node for node in op.location.nodes if node not in inside)
        for op, nodes in zip(kernels, found, strict=True)
    ]
