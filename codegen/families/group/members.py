"""The members of a launch: the kernels of a group, each with its part of the operands, or itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....dialects.core.diagnostics import op_error
from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Block
from ....dialects.launch import Kernel
from ...request.describe import ops_in
from ...request.request import Config
from .formats import formats_by_member, formats_of
from .parts import GROUP, Share, member_blocks, shares_of


@dataclass(frozen=True)
class MemberKernel:
    """A kernel inside a launch: its region, and its operands among the launch's reads and writes.

    formats: the formats requested, chosen ("compute") and executed, as far as the launch has them.
    """

    family: str
    config: Config
    body: Block
    reads: slice
    writes: slice
    formats: Mapping[str, DType]

    @property
    def ops(self) -> str:
        """Its ops, as `conv, add, relu`, without constants and casts."""
        return ops_in(self.body)


def member_kernels(op: Kernel) -> list[MemberKernel]:
    """The members of OP in order; a launch that is no group is its only member.

    Raises IRError when the region of a group does not split into the members in its configuration.
    """
    if op.family != GROUP:
        whole = slice(0, len(op.reads)), slice(0, op.outputs)
        return [MemberKernel(op.family, dict(op.config), op.body.block, *whole, formats_of(op))]
    try:
        shares = shares_of(dict(op.config))
        blocks = member_blocks(op.body.block, shares)
        formats = formats_by_member(op.member_formats, len(shares))
    except (LookupError, ValueError) as error:
        raise op_error(
            op, f"cannot be split into the members that its configuration lists ({error})"
        ) from error
    return list(_members(shares, blocks, formats))


def _members(
    shares: Sequence[Share], blocks: Sequence[Block], formats: Sequence[Mapping[str, DType]]
) -> Iterator[MemberKernel]:
    read = wrote = 0
    for share, block, said in zip(shares, blocks, formats, strict=True):
        reads, writes = slice(read, read + share.reads), slice(wrote, wrote + share.outputs)
        yield MemberKernel(share.family, share.config, block, reads, writes, said)
        read, wrote = reads.stop, writes.stop
