"""Drafts of chains: two launches of a contraction each, of which the second reads the result of the first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ....codegen.interface import ArchSpec, Candidate, families, make_request
from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.launch import Kernel
from ...memory.launch_accesses import root_of


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
        region = Block()
        copies: dict[Value, Value] = {}
        _append(region, self.first.body.block, {}, copies)
        made = copies[self.first.body.block.terminator.inputs[0]]
        given = {
            argument: made
            for argument, value in zip(self.second.body.block.arguments, self.second.reads, strict=True)
            if value is self.middle
        }
        _append(region, self.second.body.block, given, copies)
        region.append(Yield(made, copies[self.second.body.block.terminator.inputs[0]]))
        return region

    def best(self, module: Module, target: ArchSpec) -> Candidate | None:
        """The fastest kernel for TARGET that chains these launches of MODULE; None without any."""
        request = make_request(module, self.region, self.reads, self.writes, target, "kernel")
        chaining = (family for family in families().values() if family.chains)
        found = [candidate for family in chaining for candidate in family.propose(request)]
        return min(found, key=lambda candidate: candidate.microseconds, default=None)


def _append(region: Block, body: Block, given: dict[Value, Value], copies: dict[Value, Value]) -> None:
    """Append the ops of BODY to REGION, with arguments of their own but for those that are GIVEN."""
    for argument in body.arguments:
        own = given.get(argument)
        copies[argument] = own if own is not None else region.add_argument(argument.type, argument.hint)
    for op in body:
        if op.next is not None:
            region.append(clone_op(op, copies))


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
    products = _product(first), _product(second)
    if second.outputs != 1 or first.stacked or second.stacked or None in products:
        return None
    if (first.requested, first.compute) != (second.requested, second.compute):
        return None
    argument = second.body.block.arguments[second.reads.index(first.writes[0])]
    assert products[1] is not None
    alone = len(argument.uses) == 1 and products[1].inputs[0] is argument
    return ChainDraft(first, second) if alone else None


def _product(kernel: Kernel) -> Operation | None:
    """The only contraction of KERNEL, if it multiplies operands as they are stored."""
    found = [op for op in kernel.body.block if has(op, Trait.CONTRACTION)]
    rounds = any(op.attributes.get("multiply") is not None for op in kernel.body.block)
    return found[0] if len(found) == 1 and not rounds else None
