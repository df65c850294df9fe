"""predicate-branch: short branches both run, and a selection takes the place of the conditional node.

    if(c){a}{b} => where(c, a, b)

A conditional node of a CUDA graph, with the kernel that sets it, costs as much as several small kernels, and
nothing fuses across its edges. Ops have no effects, none leaves its operands whatever these hold, and what
they need of sizes holds for a branch that is not taken, too: so both may run, except for ops whose bodies
users write. The cost model decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from ...codegen.interface import ArchSpec
from ...dialects.control import If, all_blocks
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.custom.op import CustomOp
from ...dialects.graph.elementwise import Where
from ..passes.ledger import Figure, Record, Verdict
from ..passes.manager import PassContext
from ..simplify.control_flow import copied

JOINING = (Trait.ELEMENTWISE, Trait.MOVEMENT)  # ops that share a kernel with what is around them
ALONE = (Trait.ROW, Trait.REDUCTION, Trait.WINDOW, Trait.CONTRACTION)  # those that may need one of their own


@dataclass(frozen=True)
class PredicateBranches:
    """Predicates branches where that is faster on TARGET, the inner ones first; every branch is on record."""

    target: ArchSpec
    name: ClassVar[str] = "predicate-branch"

    def run(self, module: Module, context: PassContext) -> Module:
        if self.name in context.disabled:
            return module
        for block in all_blocks(module):
            for op in [each for each in block if isinstance(each, If)]:
                self._visit(op, module, context)
        return module

    def _visit(self, op: If, module: Module, context: PassContext) -> None:
        reason, figures = _refusal(op), dict[str, Figure]()
        if reason is None:
            branched, predicated = self._times(op, module)
            figures = {
                "microseconds_branched": round(branched, 3),
                "microseconds_predicated": round(predicated, 3),
            }
            reason = None if predicated < branched else "running both branches takes longer"
        verdict = Verdict.TAKEN if reason is None else Verdict.REFUSED
        said = reason or "both branches run, in less time than a conditional node takes"
        context.ledger.append(Record(self.name, (op.name,), op.location.nodes, verdict, said, figures))
        if reason is None:
            _predicate(op)

    def _times(self, op: If, module: Module) -> tuple[float, float]:
        """The expected microseconds of OP with branches, both equally likely, and predicated."""
        sizes = module.values_at("optimum")
        both = sum(self._time(region.block, sizes) for region in op.regions)
        selected = 3 * sum(evaluate(value.type.bytes, sizes) for value in op.results)
        return self.target.fitted.control.branch + both / 2, both + self._moving(selected)

    def _time(self, block: Block, sizes: dict[str, int]) -> float:
        """The expected microseconds of the kernels of BLOCK; its elementwise ops and movement share one, or
        join the others."""
        ops = [op for op in block if op.next is not None and not has(op, Trait.CONSTANT)]
        if not ops:
            return 0.0
        alone = [op for op in ops if not _has_any(op, JOINING)]
        held: Iterable[Value] = [value for op in alone for value in (*op.inputs, *op.results)]
        held = [*held, *block.terminator.inputs, *(v for v in block.arguments if v.uses)]
        rate = self.target.fitted.throughput.simt * self.target.multiprocessors * self.target.clock
        arithmetic = sum(evaluate(op.flops(), sizes) for op in ops) / rate
        moved = self._moving(sum(evaluate(value.type.bytes, sizes) for value in held))
        return max(len(alone), 1) * self.target.fitted.loop.launch + max(moved, arithmetic)

    def _moving(self, count: int) -> float:
        """Microseconds for COUNT bytes of memory traffic."""
        return count / self.target.bytes_per_second * 1e6


def _refusal(op: If) -> str | None:
    """Why the branches of OP may not both run, or why the time is unknown; None if neither applies."""
    for region in op.regions:
        for inner in region.block:
            if inner.regions:
                return "control flow in a branch stays where it is"
            if isinstance(inner, CustomOp) and not has(inner, Trait.ELEMENTWISE):
                return f"{inner.onnx} may rely on the condition"
            if inner.next is not None and not _has_any(inner, (*JOINING, *ALONE, Trait.CONSTANT)):
                return f"the time of {inner.name} is not known"
    return None


def _has_any(op: Operation, traits: Iterable[Trait]) -> bool:
    return any(has(op, trait) for trait in traits)


def _predicate(op: If) -> None:
    """Insert copies of both branches before OP, and replace its results by selections."""
    assert op.parent is not None
    found = []
    for region in op.regions:
        made, yielded = copied(region.block, op.captures)
        for each in made:
            op.parent.insert_before(op, each)
        found.append(yielded)
    for old, x, y in zip(op.results, *found, strict=True):
        new = x
        if x is not y:
            select = Where(op.condition, x, y, loc=op.location)
            op.parent.insert_before(op, select)
            new = select.result
            new.hint, new.tensor, old.hint = old.hint, old.tensor, ""
        old.replace_by(new)
    op.erase()
