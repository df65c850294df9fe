"""horizontal-contraction: contractions of one input become one, with concatenated weights.

    conv(x, v) and conv(x, w) => slices of conv(x, concat(v, w))

Likewise for matrix products with the same first operand (queries, keys and values). Elementwise ops with
constants that all siblings share run on the joined value. A relu that only some of them have becomes a
maximum with a bound per channel. A slice is free where its consumer can read a strided tensor. The cost
model decides, and every candidate is recorded in the ledger.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from ....codegen.interface import ArchSpec
from ....dialects.control import all_blocks
from ....dialects.core.builtin import Barrier
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.base import nofuse_of
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.packed import PackedMatmul
from ...passes.ledger import Figure, Record, Verdict
from ...passes.manager import PassContext
from ...patterns.layouts import is_neutral
from .build import Group, join
from .cost import ALIGNED_CHANNELS, HALVES, CostModel, JoinEstimate
from .order import Arrangement, arrange, side_by_side
from .siblings import Contraction, channels, family, following

RULE = "horizontal-contraction"


@dataclass(frozen=True)
class HorizontalContraction:
    """Joins the sibling contractions of every value, in program order; the cost model is TARGET's."""

    target: ArchSpec
    name: ClassVar[str] = RULE

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            _Joining(module, block, context, self.target).run()
        return module


@dataclass(frozen=True)
class _Choice:
    """Siblings that could be joined, the order of their channels, and the estimate for joining them."""

    group: Group
    arrangement: Arrangement
    estimate: JoinEstimate

    @property
    def in_place(self) -> list[Contraction]:
        """The siblings whose results no concat has to copy."""
        copied = {end for parts in self.arrangement.copied for end in parts}
        pairs = zip(self.group.siblings, self.group.ends, strict=True)
        return [op for op, end in pairs if end not in copied]

    @property
    def neighbours(self) -> list[list[Contraction]]:
        """The runs of siblings that are adjacent in a concat that has other siblings elsewhere."""
        made = dict(zip(self.group.ends, self.group.siblings, strict=True))
        return [[made[end] for end in run] for run in side_by_side(self.group.ends, self.group.axis)]


class _Joining:
    """The pass over one block."""

    def __init__(self, module: Module, block: Block, context: PassContext, target: ArchSpec) -> None:
        self._module = module
        self._block = block
        self._context = context
        self._costs = CostModel(module, context.policy, target, HALVES not in context.disabled)
        self._order = {op: place for place, op in enumerate(block)}

    def run(self) -> None:
        for argument in self._block.arguments:
            self._value(argument)
        op = self._block.first
        while op is not None:
            # The joined ops come after OP, so that their slices are visited as well.
            for value in op.results:
                self._value(value)
            op = op.next

    def _value(self, x: Value) -> None:
        """Join contractions that read X, family by family."""
        readers = _contractions(x)
        readers.sort(key=self._order.__getitem__)
        held = [op for user in x.users if isinstance(user, Barrier) for op in _contractions(user.y)]
        for op in held if readers else ():
            if nofuse_of(op) is not None:
                self._note(Verdict.DISABLED, f"{op.name} is marked nofuse", [readers[0], op])
        if len(readers) < 2:
            return
        families: dict[Hashable, list[Contraction]] = {}
        for op in readers:
            key = family(op, x, self._module)
            if key is not None and isinstance(op, (Conv, Matmul, PackedMatmul)):
                families.setdefault((key, self._context.policy.format_of(op)), []).append(op)
            else:
                other = readers[op is readers[0]]
                self._note(Verdict.REFUSED, _why_in_no_family(op), [other, op])
        heads = [members[0] for members in families.values()]
        for head in heads[1:]:
            reason = "their windows, strides, pads, element types or formats differ"
            self._note(Verdict.REFUSED, reason, [heads[0], head])
        for members in families.values():
            self._family(members)

    def _family(self, members: Sequence[Contraction]) -> None:
        """Join some of MEMBERS, contractions of one family, all of which could be joined by type."""
        if len(members) < 2:
            return
        if RULE in self._context.disabled:
            self._note(Verdict.DISABLED, f"the rule {RULE} is switched off", members)
            return
        kept: list[Contraction] = []
        for op in members:
            other, reason = self._barred(kept, op)
            if channels(op) % ALIGNED_CHANNELS:
                odd = f"{channels(op)} channels leave slices unaligned to {ALIGNED_CHANNELS} elements"
                self._note(Verdict.REFUSED, odd, [members[op is members[0]], op])
            elif other is not None:
                self._note(Verdict.DISABLED, reason, [other, op])
            else:
                kept.append(op)
        if len(kept) > 1:
            self._decide(kept)

    def _barred(self, kept: Sequence[Contraction], op: Operation) -> tuple[Operation | None, str]:
        """The first of KEPT that a switch keeps apart from OP, and the reason; (None, "") without one."""
        for other in kept if self._context.keeps_apart else ():
            reason = self._context.fusion_barrier(other.location.nodes, op.location.nodes)
            if reason is not None:
                return other, reason
        return None, ""

    # ------------------------------------------------------------ the decision

    def _decide(self, siblings: Sequence[Contraction]) -> None:
        """Join all SIBLINGS, those with equal epilogues, those that no concat has to copy, those that are
        adjacent in a concat, or none: whichever the cost model expects to be fastest."""
        whole = self._choice(siblings)
        alike = [part for part in _by_what_follows(siblings) if 1 < len(part) < len(siblings)]
        in_place = whole.in_place
        options = [[whole], [self._choice(part) for part in alike]]
        if 1 < len(in_place) < len(siblings):
            options.append([self._choice(in_place)])
        options.append([self._choice(part) for part in whole.neighbours if len(part) < len(siblings)])
        best = max(options, key=_gain)
        for choice in best:
            if choice.estimate.pays:
                self._join(choice)
            else:
                self._record(Verdict.REFUSED, choice)
        if best is not options[0]:
            self._record(Verdict.REFUSED, whole)

    def _choice(self, siblings: Sequence[Contraction]) -> _Choice:
        group = Group.of(siblings, self._module)
        in_order = isinstance(siblings[0], (Matmul, PackedMatmul)) or is_neutral(siblings[0].result.type)
        arrangement = arrange(group.ends, group.axis, in_order)
        return _Choice(group, arrangement, self._costs.estimate(siblings, group.ends, arrangement))

    def _join(self, choice: _Choice) -> None:
        group = choice.group
        anchor = group.siblings[0]
        self._record(Verdict.TAKEN, choice)
        self._context.decide()
        join(group.ordered(choice.arrangement.order, self._module), self._module, anchor)

    # ------------------------------------------------------------ the ledger

    def _record(self, verdict: Verdict, choice: _Choice) -> None:
        estimate = choice.estimate
        self._note(verdict, _reason(estimate), choice.group.siblings, estimate.figures)

    def _note(
        self,
        verdict: Verdict,
        reason: str,
        ops: Sequence[Operation],
        figures: Mapping[str, Figure] = MappingProxyType({}),
    ) -> None:
        nodes = tuple(dict.fromkeys(node for op in ops for node in op.location.nodes))
        names = tuple(op.name for op in ops)
        self._context.ledger.append(Record(RULE, names, nodes, verdict, reason, figures))


def _contractions(x: Value) -> list[Operation]:
    """The contractions whose first operand is X."""
    return [op for op in x.users if has(op, Trait.CONTRACTION) and op.inputs[0] is x]


def _by_what_follows(siblings: Sequence[Contraction]) -> list[list[Contraction]]:
    """SIBLINGS in sets with the same chain of ops after each of them."""
    # A chain is its first op and the number of the rest; numbers count from 1, and 0 is the empty chain.
    chains: dict[tuple[type[Operation], int], int] = {}
    known: dict[Operation, int] = {}  # the chain that starts at an op; siblings may share its tail
    sets: dict[int, list[Contraction]] = {}
    for op in siblings:
        steps = []
        step = following(op.result)
        while step is not None and step not in known:
            steps.append(step)
            step = following(step.result)
        chain = 0 if step is None else known[step]
        for step in reversed(steps):
            chain = known[step] = chains.setdefault((type(step), chain), len(chains) + 1)
        sets.setdefault(chain, []).append(op)
    return list(sets.values())


def _gain(choices: Sequence[_Choice]) -> float:
    """Microseconds that joining those of CHOICES that pay would save."""
    return sum(max(c.estimate.apart - c.estimate.joined, 0.0) for c in choices)


def _reason(estimate: JoinEstimate) -> str:
    times = f"{estimate.joined:.1f} microseconds joined, {estimate.apart:.1f} apart"
    if estimate.stranded:
        times += f", {estimate.stranded} of them with an extra kernel for the epilogue"
    if estimate.copied:
        times += f", with a copy for each of {estimate.copied} concats that could be written in place"
    return times


def _why_in_no_family(op: Operation) -> str:
    if op.attributes.get("groups", 1) != 1:
        return f"one of them has {op.attributes['groups']} groups"
    return "one of them has no constant weights, or is of a kind that is not joined"
