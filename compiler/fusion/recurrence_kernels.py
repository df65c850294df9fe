"""recurrence-kernel: whether a kernel runs all steps of a recurrent op on the target, by the cost model.

Where the policy asks for eight bits, weights are stored in them if that is faster. States that are kept in
f32 whatever the policy stores (`kept-wide`) need a kernel in f32.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar

from ...codegen.interface import ArchSpec, families
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.dtypes import F32, DType
from ...dialects.core.ir import Value
from ...dialects.core.module import Function, Module
from ...dialects.graph.recurrence import Recurrence
from ..passes.ledger import Figure, Record, Verdict
from ..passes.manager import PassContext
from ..settings.formats import EIGHT_BITS
from ..simplify.fold_constants import FoldConstants
from ..simplify.recurrence_loops import RECURRENCE_KERNEL, recurrent_ops, refuse
from .recurrent_weights import discard, with_bytes

WideValues = Callable[[Module, Function, PassContext], Collection[Value]]


@dataclass(frozen=True)
class RecurrenceKernels:
    """Expands the recurrent ops that TARGET has no kernel for, or a slower one than a loop.

    All are on record. wide_values: those of a function that stay f32 whatever the policy stores.
    """

    target: ArchSpec
    wide_values: WideValues
    name: ClassVar[str] = RECURRENCE_KERNEL

    def run(self, module: Module, context: PassContext) -> Module:
        types = self._stored_types(module, context)  # of all ops, before any is replaced
        kept = [self._keeps(op, dtype, module, context) for op, dtype in types]
        return module if all(kept) else FoldConstants().run(module, context)

    def _stored_types(self, module: Module, context: PassContext) -> list[tuple[Recurrence, DType]]:
        """The recurrent ops of MODULE, each with the type in which its states are stored: that of its format,
        unless an operand or a result stays f32."""
        ops = recurrent_ops(module)
        wide: set[Value] = set()
        for function in module.functions if ops else ():
            wide.update(self.wide_values(module, function, context))
        return [
            (op, F32 if wide.intersection((*op.inputs, *op.results)) else _stored(op, context)) for op in ops
        ]

    def _keeps(self, op: Recurrence, dtype: DType, module: Module, context: PassContext) -> bool:
        """Whether OP, whose states are stored as DTYPE, gets a kernel; else it becomes a loop."""
        sizes, format = module.values_at("optimum"), context.policy.format_of(op)
        kernel, loop = self._kernel_time(op, dtype, sizes), self._loop_time(op, sizes)
        figures: dict[str, Figure] = {"microseconds_loop": round(loop, 3)}
        figures |= {} if kernel is None else {"microseconds_kernel": round(kernel, 3)}
        reason = "one kernel runs all steps"
        made = with_bytes(op, format.name, EIGHT_BITS[format.name], module) if format.quantizes else None
        if made is not None:
            short = self._kernel_time(made, dtype, sizes)
            if short is not None:
                figures["microseconds_kernel_of_bytes"] = round(short, 3)
            if short is not None and short < loop and (kernel is None or short < kernel):
                op.replace_by(*made.results)
                op, kernel, reason = made, short, f"{reason}, with weights in {format.name}"
            else:
                discard(made)
        if kernel is not None and kernel < loop:
            nodes = op.location.nodes
            context.ledger.append(
                Record(RECURRENCE_KERNEL, (op.name,), nodes, Verdict.TAKEN, reason, figures)
            )
            return True
        lacking = f"{self.target.name} has no kernel for states of {op.hidden} in {dtype}"
        refuse(op, lacking if kernel is None else "a loop is faster", module, context, figures=figures)
        return False

    def _kernel_time(self, op: Recurrence, dtype: DType, sizes: dict[str, int]) -> float | None:
        """Expected microseconds of the fastest kernel for OP with states of DTYPE; None if there is none."""
        able = [family for family in families().values() if family.runs_on(self.target)]
        times = [family.recurrence_time(op, dtype, self.target, sizes) for family in able]
        return min((time for time in times if time is not None), default=None)

    def _loop_time(self, op: Recurrence, sizes: dict[str, int]) -> float:
        """Expected microseconds of OP as a loop whose steps are launches, which read all weights."""
        target, steps = self.target, max(evaluate(op.steps, sizes), 1)
        rate = target.fitted.throughput.mma * target.multiprocessors * target.clock
        products = evaluate(op.flops(), sizes) / rate
        weights = steps * evaluate(op.weights.type.bytes, sizes) / target.bytes_per_second * 1e6
        return steps * target.fitted.recurrence.loop_step + max(products, weights)


def _stored(op: Recurrence, context: PassContext) -> DType:
    return context.policy.format_of(op).stored(op.x.type.dtype)
