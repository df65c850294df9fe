"""The members of a launch: the kernels of a group, each with its part of the operands, or itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...codegen.interface import (
    Config,
    Share,
    formats_by_member,
    formats_of,
    is_group,
    member_blocks,
    shares_of,
)
from ...dialects.core.diagnostics import op_error
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Block
from ...dialects.core.traits import Trait, has
from ...dialects.launch import Kernel


@dataclass(frozen=True)
class Member:
    """A kernel inside a launch: its region, and its operands among the launch's reads and writes.

    formats: the formats requested, chosen ("compute") and executed, as far as the launch has them.
    """

    family: str
    config: Config
    body: Block
    reads: slice
    writes: slice
    formats: Mapping[str, DType]

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The ONNX nodes of the member's ops, in order."""
        return tuple(dict.fromkeys(node for nodes in op_nodes(self.body) for node in nodes))


def members_of(op: Kernel) -> list[Member]:
    """The members of OP in order; a launch that is no group is its only member.

    Raises IRError when the region of a group does not split into the members in its configuration.
    """
    if not is_group(op.family):
        whole = slice(0, len(op.reads)), slice(0, op.outputs)
        return [Member(op.family, dict(op.config), op.body.block, *whole, formats_of(op))]
    try:
        shares = shares_of(dict(op.config))
        blocks = member_blocks(op.body.block, shares)
        formats = formats_by_member(op.member_formats, len(shares))
    except (LookupError, ValueError) as error:
        raise op_error(
            op, f"does not come apart into the members that its configuration lists ({error})"
        ) from error
    return list(_members(shares, blocks, formats))


def _members(shares: list[Share], blocks: list[Block], formats: list[dict[str, DType]]) -> Iterator[Member]:
    read = wrote = 0
    for share, block, said in zip(shares, blocks, formats, strict=True):
        reads, writes = slice(read, read + share.reads), slice(wrote, wrote + share.outputs)
        yield Member(share.family, share.config, block, reads, writes, said)
        read, wrote = reads.stop, writes.stop


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
