"""Launches become one where what is between them need not be stored, and that takes less time.

A kind of such launches says which might be one, and which families compute them. Launches before, behind and
inside of a branch or a loop stay apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ....codegen.interface import ArchSpec, expected, families, request_of
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.module import Module
from ....dialects.launch import Kernel
from ...kernels.choice import KernelChooser, cheapest
from ...kernels.members import nodes_by_launch
from ...memory.dependences import dependences
from ...memory.launch_tree import LaunchTree
from ...memory.placement import place_buffers
from ...passes.manager import PassContext
from ..joining import place_of
from ..merge import merged
from ..record import record_planned
from ..reorder import around, reorder
from ..turns import retake
from .draft import Able, EnclosingDraft
from .record import EnclosingOutcome, record


@dataclass(frozen=True)
class EnclosingKind:
    """Launches that `rule` makes one.

    drafts: what might be one with a launch, longer ones first; able: whether a family computes such;
    nothing, spills: why there is no kernel, or none that is taken.
    """

    rule: str
    drafts: Callable[[Kernel], list[EnclosingDraft]]
    able: Able
    nothing: str
    spills: str


def enclosed(module: Module, kind: EnclosingKind, target: ArchSpec, context: PassContext) -> Module:
    """MODULE with launches of KIND as one, with configurations chosen for TARGET."""
    if not any(kind.able(family) and family.runs_on(target) for family in families().values()):
        return module
    tree = LaunchTree(module.main)
    enclosing = _Enclosing(module, kind, target, context)
    joined = [enclosing.segment(tree, segment) for segment in reversed(tree.segments) if segment]
    if any(joined):
        place_buffers(module)
    return module


class _Enclosing:
    """The state for one module."""

    def __init__(self, module: Module, kind: EnclosingKind, target: ArchSpec, context: PassContext) -> None:
        self._module, self._kind, self._target, self._context = module, kind, target, context
        tactics = context.tactics.get(target.name)
        self._sizes = module.values_at("optimum")
        self._chooser = KernelChooser(module, target, cheapest, context.spilled, tactics)

    def segment(self, tree: LaunchTree, numbers: Sequence[int]) -> bool:
        """Join launches of the segment NUMBERS of TREE; whether there were any."""
        kernels = [tree.kernels[number] for number in numbers]
        drafts = [found for kernel in kernels if (found := self._kind.drafts(kernel))]
        if not drafts:
            return False
        needs = dependences(self._module.main, self._module.ranges, range(numbers[0], numbers[-1] + 1))
        nodes = dict(zip(kernels, nodes_by_launch(kernels), strict=True))
        place = {kernel: index for index, kernel in enumerate(kernels)}
        taken: dict[Kernel, EnclosingOutcome] = {}
        anchors: dict[Kernel, EnclosingOutcome] = {}
        for found in drafts:
            able = [
                draft
                for draft in found
                if not any(op in taken or op not in place for op in draft.ops)
                and place_of(needs, [place[op] for op in draft.ops]) is not None
            ]
            outcomes = [self._outcome(draft, [nodes[op] for op in draft.ops]) for draft in able]
            best = max(outcomes, key=lambda each: (each.planned is not None, each.saved), default=None)
            if best is None:
                continue
            record(self._context, self._kind.rule, best, [nodes[op] for op in best.draft.ops])
            if best.planned is not None:
                taken |= dict.fromkeys(best.draft.ops, best)
                anchor = place_of(needs, [place[op] for op in best.draft.ops])
                assert anchor is not None
                anchors[kernels[anchor]] = best
        if taken:
            self._replace(kernels, taken, anchors)
        return bool(taken)

    def _outcome(self, draft: EnclosingDraft, nodes: Sequence[tuple[str, ...]]) -> EnclosingOutcome:
        """Whether DRAFT, of launches that compute NODES, should be one launch."""
        context = self._context
        size = 2 * sum(evaluate(value.type.bytes, self._sizes) for value in draft.between)
        if self._kind.rule in context.disabled:
            reason = f"the rule {self._kind.rule} is switched off"
            return EnclosingOutcome(draft, None, reason, disabled=True, bytes_saved=size)
        barred = next(filter(None, (context.fusion_barrier(*pair) for pair in pairwise(nodes))), None)
        if barred is not None:
            return EnclosingOutcome(draft, None, barred, disabled=True, bytes_saved=size)
        context.decide()
        candidate = draft.best(self._module, self._target, self._kind.able)
        if candidate is None:
            return EnclosingOutcome(draft, None, self._kind.nothing, bytes_saved=size)
        return replace(self._judged(draft, candidate.microseconds), bytes_saved=size)

    def _judged(self, draft: EnclosingDraft, together: float) -> EnclosingOutcome:
        """Whether DRAFT saves enough as one launch that takes so many microseconds TOGETHER."""
        apart = sum(
            expected(request_of(self._module, op, self._target), op.family, op.config) for op in draft.ops
        )
        saved, least = apart - together, self._target.fitted.schedule.chain_saving * apart
        reason = f"one launch is expected to take {together:.1f} microseconds, {apart:.1f} apart"
        if saved < least:
            reason += f": less than {least:.1f} is saved"
            return EnclosingOutcome(draft, None, reason, saved=saved, together=together)
        planned = self._chooser.plan(draft.region, draft.reads, draft.writes)
        if planned.name not in self._context.spilled.kernels:
            return EnclosingOutcome(draft, planned, reason, saved=saved, together=together)
        return EnclosingOutcome(draft, None, self._kind.spills, saved=saved, together=together)

    def _replace(
        self,
        kernels: Sequence[Kernel],
        taken: dict[Kernel, EnclosingOutcome],
        anchors: dict[Kernel, EnclosingOutcome],
    ) -> None:
        """Let those of KERNELS that are TAKEN be one launch each, at the places of ANCHORS."""
        block = kernels[0].parent
        assert block is not None
        before, behind = around(block, kernels)
        gone = {value: None for each in anchors.values() for value in each.draft.gone}
        launches: list[Kernel] = []
        for op in kernels:
            outcome = anchors.get(op)
            if op not in taken:
                launches.append(op)
            elif outcome is not None and outcome.planned is not None:
                draft, planned = outcome.draft, outcome.planned
                launches.append(merged(draft, planned))
                record_planned(self._context, planned, draft.region, launches[-1].location)
        reorder(block, [*before, *launches, *behind])
        for value in gone:
            if value.producer is not None:
                value.producer.erase()
        retake(self._module, launches, self._target)
