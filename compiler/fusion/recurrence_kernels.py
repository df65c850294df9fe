"""recurrence-kernel: whether a kernel runs all steps of a recurrent op on the target, by the cost model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...codegen.interface import ArchSpec, families
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.module import Module
from ...dialects.graph.recurrence import Recurrence
from ..passes.ledger import Figure, Record, Verdict
from ..passes.manager import PassContext
from ..simplify.fold_constants import FoldConstants
from ..simplify.recurrence_loops import RECURRENCE_KERNEL, recurrent_ops, refuse


@dataclass(frozen=True)
class RecurrenceKernels:
    """Expands the recurrent ops that TARGET has no kernel for, or a slower one than a loop.

    All are on record.
    """

    target: ArchSpec
    name: ClassVar[str] = RECURRENCE_KERNEL

    def run(self, module: Module, context: PassContext) -> Module:
        sizes, refused = module.values_at("optimum"), False
        for op in recurrent_ops(module):
            dtype = context.policy.format_of(op).stored(op.x.type.dtype)
            able = [family for family in families().values() if family.runs_on(self.target)]
            times = [family.recurrence_time(op, dtype, self.target, sizes) for family in able]
            kernel = min((time for time in times if time is not None), default=None)
            loop = self._loop_time(op, sizes)
            figures: dict[str, Figure] = {"microseconds_loop": round(loop, 3)}
            figures |= {} if kernel is None else {"microseconds_kernel": round(kernel, 3)}
            if kernel is not None and kernel < loop:
                nodes, reason = op.location.nodes, "one kernel runs all steps"
                record = Record(RECURRENCE_KERNEL, (op.name,), nodes, Verdict.TAKEN, reason, figures)
                context.ledger.append(record)
                continue
            lacking = f"{self.target.name} has no kernel for states of {op.hidden}"
            refuse(op, lacking if kernel is None else "a loop is faster", module, context, figures=figures)
            refused = True
        return FoldConstants().run(module, context) if refused else module

    def _loop_time(self, op: Recurrence, sizes: dict[str, int]) -> float:
        """Expected microseconds of OP as a loop whose steps are launches, which read all weights."""
        target, steps = self.target, max(evaluate(op.steps, sizes), 1)
        rate = target.fitted.throughput.mma * target.multiprocessors * target.clock
        products = evaluate(op.flops(), sizes) / rate
        weights = steps * evaluate(op.weights.type.bytes, sizes) / target.bytes_per_second * 1e6
        return steps * target.fitted.recurrence.loop_step + max(products, weights)
