"""Groups while they form: which launches they have, in which configurations, and how long they take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ....codegen.interface import ArchSpec, slots, together
from ....dialects.launch import Kernel
from .variants import Variant, Variants

MOST_MEMBERS = 6
MOST_WAVES = 2  # of blocks: launches that fill the GPU more often gain little by company
WORTHWHILE = 0.25  # microseconds that a launch must save by joining a group
_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Draft:
    """Launches by operation and number, the nodes that they compute, and the variants they run in
    together; none for one alone."""

    ops: tuple[Kernel, ...]
    indices: tuple[int, ...]
    nodes: tuple[str, ...]
    variants: tuple[Variant, ...] = ()

    @property
    def full(self) -> bool:
        """Whether no launch can join it any more."""
        return len(self.ops) == MOST_MEMBERS

    @property
    def size(self) -> int:
        """Ops of all members."""
        return sum(len(op.body.block) - 1 for op in self.ops)

    def longest_first(self) -> Draft:
        """The same with those members in front whose blocks should begin first."""
        order = sorted(range(len(self.ops)), key=lambda at: -self.variants[at].load.microseconds)
        return Draft(
            tuple(self.ops[at] for at in order),
            tuple(self.indices[at] for at in order),
            self.nodes,
            tuple(self.variants[at] for at in order),
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """What becomes of a launch that would join the group BEFORE: the new draft, or why there is none.

    disabled: a switch said so; saved: microseconds, together: those of the group then.
    """

    before: Draft
    joined: Draft | None
    reason: str
    disabled: bool = False
    saved: float = 0.0
    together: float = 0.0

    @property
    def rank(self) -> tuple[bool, float]:
        """The greater, the better."""
        return (self.joined is not None, self.saved)


def join(draft: Draft, alone: Draft, variants: Variants, most_ops: int) -> Outcome:
    """DRAFT with the launch ALONE, in the configurations that suit all of them best."""
    nodes = tuple(dict.fromkeys((*draft.nodes, *alone.nodes)))
    whole = Draft((*draft.ops, *alone.ops), (*draft.indices, *alone.indices), nodes)
    if whole.size > most_ops:
        return Outcome(draft, None, f"together they have {whole.size} ops; the limit is {most_ops}")
    found = list(_fitted(whole, variants))
    if not found:
        return Outcome(draft, None, "they have no configurations with equally large blocks")
    target = variants.target
    best = min(found, key=lambda chosen: _time(chosen, target))
    members = draft.variants or tuple(variants.own(member) for member in draft.ops)
    added = sum(variants.own(op).load.microseconds for op in alone.ops)
    before = _time(members, target) if len(members) > 1 else members[0].load.microseconds
    return _judged(draft, replace(whole, variants=best), before + added, target)


def _fitted(whole: Draft, variants: Variants) -> Iterator[tuple[Variant, ...]]:
    """Variants for all of WHOLE, of every size of blocks that is worth trying: those that saturate."""
    own = [variants.own(op).load for op in whole.ops]
    leading = [load for load in own if load.saturates] or own[:1]
    for threads in dict.fromkeys(load.threads for load in leading):
        choices = [variants.resized(op, threads) for op in whole.ops]
        if all(choices):
            yield _best(choices, variants.target)


def _best(choices: Sequence[list[Variant]], target: ArchSpec) -> tuple[Variant, ...]:
    """One of each of CHOICES: the first, or another by which the group is faster."""
    chosen = tuple(choice[0] for choice in choices)
    for position, choice in enumerate(choices):
        for other in choice[1:]:
            tried = (*chosen[:position], other, *chosen[position + 1 :])
            if _time(tried, target) < _time(chosen, target) - _LEAST:
                chosen = tried
    return chosen


def _time(chosen: Sequence[Variant], target: ArchSpec) -> float:
    return together([variant.load for variant in chosen], target)


def _judged(before: Draft, made: Draft, apart: float, target: ArchSpec) -> Outcome:
    """Whether MADE is better than BEFORE and a launch, which take APART microseconds."""
    loads = [variant.load for variant in made.variants]
    blocks, room = sum(load.blocks for load in loads), slots(loads, target)
    time = together(loads, target)
    saved = apart - time
    if blocks > MOST_WAVES * room:
        reason = f"together they have {blocks} blocks, more than {MOST_WAVES} waves of {room}"
        return Outcome(before, None, reason, saved=saved, together=time)
    reason = f"one launch of {blocks} blocks is expected to take {time:.1f} microseconds, {apart:.1f} apart"
    if saved < WORTHWHILE:
        reason += f": less than {WORTHWHILE} is saved"
        return Outcome(before, None, reason, saved=saved, together=time)
    return Outcome(before, made, reason, saved=saved, together=time)
