"""chain-contractions: a contraction, and one whose first operand is its result, become one launch.

`launch.kernel a(x) -> y, launch.kernel b(y) -> z => launch.kernel a, b(x) -> y, z`

The second one is computed from the results of the first before these have left the multiprocessor: they are
stored, for whoever else reads them, but not loaded again. Launches are visited in order. Each first one
takes, of those that read its result and need nothing that is launched between, the one that saves most by the
cost models, if it saves enough. Launches before, behind and inside of a branch or a loop stay apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ....codegen.interface import ArchSpec, expected, families, request_of
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.ir import Value
from ....dialects.core.module import Module
from ....dialects.launch import Kernel
from ...kernels.choice import KernelChooser, cheapest
from ...kernels.members import nodes_by_launch
from ...memory.dependences import dependences
from ...memory.launch_tree import LaunchTree
from ...memory.placement import place_buffers
from ...passes.manager import PassContext
from ..merge import merged
from ..record import record_planned
from ..reorder import around, reorder
from ..turns import retake
from .draft import ChainDraft, drafted
from .record import CHAIN_CONTRACTIONS, ChainOutcome, record


@dataclass(frozen=True)
class ChainContractions:
    """Chaining as a pass, with configurations chosen for TARGET."""

    target: ArchSpec
    name: ClassVar[str] = CHAIN_CONTRACTIONS

    def run(self, module: Module, context: PassContext) -> Module:
        if not any(family.chains and family.runs_on(self.target) for family in families().values()):
            return module
        tree = LaunchTree(module.main)
        chaining = _Chaining(module, self.target, context)
        joined = [chaining.segment(tree, segment) for segment in reversed(tree.segments) if segment]
        if any(joined):
            place_buffers(module)
        return module


class _Chaining:
    """The state for one module."""

    def __init__(self, module: Module, target: ArchSpec, context: PassContext) -> None:
        self._module, self._target, self._context = module, target, context
        tactics = context.tactics.get(target.name)
        self._sizes = module.values_at("optimum")
        self._chooser = KernelChooser(module, target, cheapest, context.spilled, tactics)

    def segment(self, tree: LaunchTree, numbers: Sequence[int]) -> bool:
        """Chain launches of the segment NUMBERS of TREE; whether there were any."""
        kernels = [tree.kernels[number] for number in numbers]
        drafts = _drafts(kernels)
        if not drafts:
            return False
        needs = dependences(self._module.main, self._module.ranges, range(numbers[0], numbers[-1] + 1))
        nodes = nodes_by_launch(kernels)
        partner: dict[int, ChainOutcome] = {}
        taken: set[int] = set()
        for index, behind in drafts.items():
            found = [
                (other, self._outcome(draft, nodes[index], nodes[other]))
                for other, draft in behind.items()
                if not {index, other} & taken and not any(index < need < other for need in needs[other])
            ]
            best = max(found, key=lambda pair: pair[1].rank, default=None)
            for other, outcome in found:
                record(
                    self._context, outcome, nodes[index], nodes[other], best is not None and best[0] == other
                )
            if best is not None and best[1].planned is not None:
                partner[index] = best[1]
                taken |= {index, best[0]}
        if partner:
            self._replace(kernels, partner)
        return bool(partner)

    def _outcome(self, draft: ChainDraft, nodes: tuple[str, ...], others: tuple[str, ...]) -> ChainOutcome:
        """Whether DRAFT, of launches that compute NODES and OTHERS, should be one launch."""
        context, size = self._context, evaluate(draft.middle.type.bytes, self._sizes)
        if CHAIN_CONTRACTIONS in context.disabled:
            reason = f"the rule {CHAIN_CONTRACTIONS} is switched off"
            return ChainOutcome(draft, None, reason, disabled=True, bytes_saved=size)
        barred = context.fusion_barrier(nodes, others)
        if barred is not None:
            return ChainOutcome(draft, None, barred, disabled=True, bytes_saved=size)
        context.decide()
        candidate = draft.best(self._module, self._target)
        if candidate is None:
            reason = "no kernel multiplies the results of these contractions again"
            return ChainOutcome(draft, None, reason, bytes_saved=size)
        return replace(self._judged(draft, candidate.microseconds), bytes_saved=size)

    def _judged(self, draft: ChainDraft, together: float) -> ChainOutcome:
        """Whether DRAFT saves enough as one launch that takes so many microseconds TOGETHER."""
        apart = sum(
            expected(request_of(self._module, op, self._target), op.family, op.config) for op in draft.ops
        )
        saved, least = apart - together, self._target.fitted.schedule.chain_saving * apart
        reason = f"one launch is expected to take {together:.1f} microseconds, {apart:.1f} apart"
        if saved < least:
            reason += f": less than {least:.1f} is saved"
            return ChainOutcome(draft, None, reason, saved=saved, together=together)
        turned = bool(draft.first.config.get("turned"))
        planned = self._chooser.plan(draft.region, draft.reads, draft.writes, turned=turned)
        if planned.name not in self._context.spilled.kernels:
            return ChainOutcome(draft, planned, reason, saved=saved, together=together)
        reason = "every kernel that multiplies results again spills registers"
        return ChainOutcome(draft, None, reason, saved=saved, together=together)

    def _replace(self, kernels: Sequence[Kernel], partner: dict[int, ChainOutcome]) -> None:
        """Let the launches of PARTNER be one each; it has them by the number of the first among KERNELS."""
        block = kernels[0].parent
        assert block is not None
        before, behind = around(block, kernels)
        gone = {outcome.draft.second for outcome in partner.values()}
        launches: list[Kernel] = []
        for index, op in enumerate(kernels):
            if index in partner:
                outcome = partner[index]
                assert outcome.planned is not None
                launches.append(merged(outcome.draft, outcome.planned))
                record_planned(self._context, outcome.planned, outcome.draft.region, launches[-1].location)
            elif op not in gone:
                launches.append(op)
        reorder(block, [*before, *launches, *behind])
        retake(self._module, launches, self._target)


def _drafts(kernels: Sequence[Kernel]) -> dict[int, dict[int, ChainDraft]]:
    """By the number of its first one and its second one among KERNELS, every pair that might be chained."""
    readers: dict[Value, list[int]] = {}
    for index, kernel in enumerate(kernels):
        for value in kernel.reads:
            readers.setdefault(value, []).append(index)
    found: dict[int, dict[int, ChainDraft]] = {}
    for index, kernel in enumerate(kernels):
        others = readers.get(kernel.writes[0], ()) if kernel.outputs == 1 else ()
        drafts = {other: drafted(kernel, kernels[other]) for other in others if other > index}
        own = {other: draft for other, draft in drafts.items() if draft is not None}
        if own:
            found[index] = own
    return found
