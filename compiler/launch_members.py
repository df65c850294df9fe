"""The kernels that a launch runs: itself, or the members of a group, each with its part of the operands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..codegen.kernels.family import Config
from ..codegen.kernels.group_parts import GROUP, Share, member_blocks, shares_of
from ..dialects.core.diagnostics import op_error
from ..dialects.core.ir import Block
from ..dialects.core.traits import Trait, has
from ..dialects.launch import Kernel


@dataclass(frozen=True)
class Member:
    """A kernel inside a launch: its region, and its operands among the launch's reads and writes."""

    family: str
    config: Config
    body: Block
    reads: slice
    writes: slice

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The ONNX nodes of its ops, in order."""
        return tuple(dict.fromkeys(node for nodes in op_nodes(self.body) for node in nodes))


def members_of(op: Kernel) -> list[Member]:
    """The members of OP in order, one for a launch that is no group. IRError when it does not come apart."""
    if op.family != GROUP:
        whole = slice(0, len(op.reads)), slice(0, op.outputs)
        return [Member(op.family, dict(op.config), op.body.block, *whole)]
    try:
        shares = shares_of(dict(op.config))
        blocks = member_blocks(op.body.block, shares)
    except (LookupError, ValueError) as error:
        raise op_error(
            op, f"does not come apart into the members that its configuration lists ({error})"
        ) from error
    return list(_members(shares, blocks))


def _members(shares: list[Share], blocks: list[Block]) -> Iterator[Member]:
    read = wrote = 0
    for share, block in zip(shares, blocks, strict=True):
        reads, writes = slice(read, read + share.reads), slice(wrote, wrote + share.outputs)
        yield Member(share.family, share.config, block, reads, writes)
        read, wrote = reads.stop, writes.stop


def op_nodes(block: Block) -> Iterator[tuple[str, ...]]:
    """The nodes of every op of BLOCK that computes something and stands for nodes."""
    for outer in block:
        for op in outer.walk():
            still = has(op, Trait.CONSTANT) or has(op, Trait.TERMINATOR)
            if not still and op.location.nodes:
                yield op.location.nodes
