"""Drafts of groups: their launches, the configurations of these, and the expected time together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ....codegen.interface import ArchSpec, GroupLoad
from ....dialects.launch import Kernel
from .variants import Variant, Variants

MOST_MEMBERS = 6  # bounds the code of a kernel
_LEAST = 1e-6  # microseconds; against rounding, so that ties are ties


@dataclass(frozen=True, eq=False)
class GroupDraft:
    """A group while it forms: its launches by operation and by number, and the nodes that they compute.

    variants: the configuration of each launch in the group; empty for a single launch.
    """

    ops: tuple[Kernel, ...]
    indices: tuple[int, ...]
    nodes: tuple[str, ...]
    variants: tuple[Variant, ...] = ()

    @property
    def full(self) -> bool:
        """True when the group has the most members allowed."""
        return len(self.ops) == MOST_MEMBERS

    @property
    def size(self) -> int:
        """The number of ops of all members."""
        return sum(len(op.body.block) - 1 for op in self.ops)

    def longest_first(self) -> GroupDraft:
        """The same group with its longest members first, so that their blocks start first."""
        order = sorted(range(len(self.ops)), key=lambda at: -self.variants[at].load.microseconds)
        return GroupDraft(
            tuple(self.ops[at] for at in order),
            tuple(self.indices[at] for at in order),
            self.nodes,
            tuple(self.variants[at] for at in order),
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of adding a launch to the draft `before`: the new draft `joined`, or None, and the reason.

    disabled: a switch forbids it; saved: the microseconds that it saves; together: the microseconds of the
    group with the launch.
    """

    before: GroupDraft
    joined: GroupDraft | None
    reason: str
    disabled: bool = False
    saved: float = 0.0
    together: float = 0.0

    @property
    def rank(self) -> tuple[bool, float]:
        """A sort key: the greater, the better."""
        return (self.joined is not None, self.saved)


def join(draft: GroupDraft, alone: GroupDraft, variants: Variants, most_ops: int) -> Outcome:
    """The outcome of adding the launch ALONE to DRAFT, with at most MOST_OPS ops, in the best
    configurations."""
    nodes = tuple(dict.fromkeys((*draft.nodes, *alone.nodes)))
    whole = GroupDraft((*draft.ops, *alone.ops), (*draft.indices, *alone.indices), nodes)
    if whole.size > most_ops:
        return Outcome(draft, None, f"together they have {whole.size} ops; the limit is {most_ops}")
    found = list(_fitted(whole, variants))
    if not found:
        return Outcome(draft, None, "they have no configurations with the same number of threads per block")
    target = variants.target
    best = min(found, key=lambda chosen: _time(chosen, target))
    members = draft.variants or tuple(variants.own(member) for member in draft.ops)
    added = sum(variants.own(op).load.microseconds for op in alone.ops)
    before = _time(members, target) if len(members) > 1 else members[0].load.microseconds
    return _judged(draft, replace(whole, variants=best), before + added, target)


def _fitted(whole: GroupDraft, variants: Variants) -> Iterator[tuple[Variant, ...]]:
    """Variants for all members of WHOLE, for every block size worth trying: those of saturating members."""
    own = [variants.own(op).load for op in whole.ops]
    leading = [load for load in own if load.saturates] or own[:1]
    for threads in dict.fromkeys(load.threads for load in leading):
        choices = [variants.resized(op, threads) for op in whole.ops]
        if all(choices):
            yield _best(choices, variants.target)


def _best(choices: Sequence[list[Variant]], target: ArchSpec) -> tuple[Variant, ...]:
    """One variant from each of CHOICES: the first, or a later one if it makes the group faster."""
    chosen = tuple(choice[0] for choice in choices)
    for position, choice in enumerate(choices):
        for other in choice[1:]:
            tried = (*chosen[:position], other, *chosen[position + 1 :])
            if _time(tried, target) < _time(chosen, target) - _LEAST:
                chosen = tried
    return chosen


def _time(chosen: Sequence[Variant], target: ArchSpec) -> float:
    return GroupLoad([variant.load for variant in chosen], target).microseconds


def _judged(before: GroupDraft, made: GroupDraft, apart: float, target: ArchSpec) -> Outcome:
    """The outcome of MADE, against BEFORE and a separate launch, which together take APART microseconds."""
    load = GroupLoad([variant.load for variant in made.variants], target)
    time = load.microseconds
    saved, fit = apart - time, target.fitted.schedule
    if load.blocks > fit.group_waves * load.slots:
        reason = f"together they have {load.blocks} blocks, more than {fit.group_waves} waves of {load.slots}"
        return Outcome(before, None, reason, saved=saved, together=time)
    reason = (
        f"one launch of {load.blocks} blocks is expected to take {time:.1f} microseconds, {apart:.1f} apart"
    )
    if saved < fit.group_saving:
        reason += f": less than {fit.group_saving} is saved"
        return Outcome(before, None, reason, saved=saved, together=time)
    return Outcome(before, made, reason, saved=saved, together=time)
