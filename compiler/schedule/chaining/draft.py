"""Drafts of chains: two launches of a contraction each, of which the second reads the result of the first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ....codegen.interface import ArchSpec, Candidate
from ....dialects.core.ir import Block, Value
from ....dialects.core.module import Module
from ....dialects.launch import Kernel
from ...memory.launch_accesses import root_of
from ..joining import fastest, joined, joins_first, product_of


@dataclass(frozen=True, eq=False)
class ChainDraft:
    """The launches `first` and `second` as one."""

    first: Kernel
    second: Kernel

    @property
    def ops(self) -> tuple[Kernel, Kernel]:
        """Both launches."""
        return self.first, self.second

    @property
    def lead(self) -> Kernel:
        """The launch whose format is that of both."""
        return self.first

    @property
    def middle(self) -> Value:
        """The buffer with the result of the first one."""
        return self.first.writes[0]

    @property
    def reads(self) -> list[Value]:
        """The buffers that are read: all but the first result."""
        return [*self.first.reads, *(value for value in self.second.reads if value is not self.middle)]

    @property
    def writes(self) -> list[Value]:
        """The buffers that are written: both results."""
        return [self.middle, self.second.writes[0]]

    @cached_property
    def region(self) -> Block:
        """The regions of both, one behind the other."""
        return joined(self.ops, [self.middle], self.writes)

    def best(self, module: Module, target: ArchSpec) -> Candidate | None:
        """The fastest kernel for TARGET that chains these launches of MODULE; None without any."""
        buffers = self.reads, self.writes
        return fastest(module, self.region, buffers, target, lambda family: family.chains)


def drafted(first: Kernel, second: Kernel) -> ChainDraft | None:
    """FIRST and SECOND as one launch, where they are contractions in the same format, and all that joins
    them is that the first operand of the second one is the result of the first.

    What else the second one reads is read while results of the first are made: it may be no part of the same
    buffer.
    """
    if first is second or first.outputs != 1 or second.reads.count(first.writes[0]) != 1:
        return None
    root = root_of(first.writes[0])[0]
    if sum(root_of(value)[0] is root for value in second.reads) > 1:
        return None
    if second.outputs != 1 or first.stacked or second.stacked:
        return None
    if product_of(first) is None or product_of(second) is None:
        return None
    if (first.requested, first.compute) != (second.requested, second.compute):
        return None
    return ChainDraft(first, second) if joins_first(second, first.writes[0]) else None
