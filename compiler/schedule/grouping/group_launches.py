"""group-launches: small independent launches become one.

`launch.kernel a(x), launch.kernel b(y) => launch.kernel a, b(x, y)`

Every launch gets a step: one more than the latest of its dependencies, or a later one that is before all
launches that depend on it. Launches of one step are independent, so any of them may become one launch
without creating a cycle. Launches are visited from the last step to the first. Each considers the most
recent groups of the steps that it may have, and joins the one that saves most, if it saves enough (see
`codegen/families/group/cost.py` and `drafts.py`). Launches before, behind and inside of a branch or a loop
stay apart. Linear in launches, up to sorting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ....codegen.interface import ArchSpec, unfit
from ....dialects.core.module import Module
from ....dialects.launch import Kernel, kernels_in
from ...kernels.members import nodes_by_launch
from ...memory.dependences import dependences
from ...memory.launch_tree import LaunchTree
from ...memory.placement import place_buffers
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from ..reorder import around, reorder
from .drafts import GroupDraft, Outcome, join
from .levels import Levels
from .merge import in_order, launches_in_order
from .record import GROUP_LAUNCHES, record
from .variants import Variants

MOST_STEPS = 4  # steps that a launch may choose from
MOST_DRAFTS = 4  # groups of a step that a launch considers


@dataclass(frozen=True)
class GroupLaunches:
    """Grouping as a pass, with configurations chosen for TARGET."""

    target: ArchSpec
    name: ClassVar[str] = GROUP_LAUNCHES

    def run(self, module: Module, context: PassContext) -> Module:
        variants = Variants(module, self.target)
        count = sum(1 for _ in kernels_in(module.main.block))
        considered = [
            self._group(module, segment, variants, context)
            for segment in reversed(LaunchTree(module.main).segments)
            if segment
        ]
        if not any(considered):
            context.ledger.add(GROUP_LAUNCHES, Verdict.REFUSED, "no two launches are independent")
        if sum(1 for _ in kernels_in(module.main.block)) < count:
            place_buffers(module)
        return module

    def _group(self, module: Module, segment: list[int], variants: Variants, context: PassContext) -> bool:
        """Group SEGMENT, consecutive launches; returns whether any had a group to consider."""
        kernels = list(kernels_in(module.main.block))[segment[0] : segment[-1] + 1]
        needs = dependences(module.main, module.ranges, range(segment[0], segment[-1] + 1))
        grouping = _Grouping(kernels, needs, variants, context)
        groups = grouping.run()
        if len(groups) < len(kernels):
            block = kernels[0].parent
            assert block is not None
            before, behind = around(block, kernels)
            launches = launches_in_order(in_order(groups, needs), module, self.target)
            reorder(block, [*before, *launches, *behind])
        return grouping.considered


class _Grouping:
    """The state for one function: the step of every launch, and the groups of every step."""

    def __init__(
        self, kernels: Sequence[Kernel], needs: Sequence[set[int]], variants: Variants, context: PassContext
    ) -> None:
        self._kernels = kernels
        self._nodes = nodes_by_launch(kernels)
        self._levels = Levels(needs)
        self._variants = variants
        self._context = context
        self._drafts: dict[int, list[GroupDraft]] = defaultdict(list)
        self.considered = False  # whether any launch had a group to consider

    def run(self) -> list[GroupDraft]:
        """All launches, in groups of one or more."""
        for index in self._levels.latest_first():
            self._add(index)
        return [draft for drafts in self._drafts.values() for draft in drafts]

    def _add(self, index: int) -> None:
        """Add launch INDEX to the group where it saves most, or start a new one, and record the decision."""
        choices = self._levels.choices(index, MOST_STEPS)
        near = [
            (step, draft)
            for step in choices
            for draft in self._drafts.get(step, [])[-MOST_DRAFTS:]
            if not draft.full
        ]
        off = GROUP_LAUNCHES in self._context.disabled
        if near and not off:
            self._context.decide()
        outcomes = [(step, self._outcome(index, draft, off)) for step, draft in near]
        step, best = max(outcomes, key=lambda pair: pair[1].rank, default=(choices[0], None))
        if best is not None:
            self.considered = True
            record(self._context, best, self._kernels[index], self._nodes[index])
        if best is not None and best.joined is not None:
            drafts = self._drafts[step]
            drafts[drafts.index(best.before)] = best.joined
        else:
            step = choices[0]
            self._drafts[step].append(self._alone(index))
        self._levels.settle(index, step)

    def _alone(self, index: int) -> GroupDraft:
        return GroupDraft((self._kernels[index],), (index,), self._nodes[index])

    def _outcome(self, index: int, draft: GroupDraft, off: bool) -> Outcome:
        """The outcome of adding launch INDEX to DRAFT; OFF: the rule is switched off."""
        op, context = self._kernels[index], self._context
        if off:
            return Outcome(draft, None, f"the rule {GROUP_LAUNCHES} is switched off", disabled=True)
        barred = context.barred(draft.nodes, self._nodes[index])
        if barred is not None:
            return Outcome(draft, None, barred, disabled=True)
        spilled = context.spilled.barred((*draft.nodes, *self._nodes[index]))
        reason = unfit(op) or unfit(draft.ops[0]) or spilled
        if reason is not None:
            return Outcome(draft, None, reason)
        return join(draft, self._alone(index), self._variants, context.options.kernel_ops)
