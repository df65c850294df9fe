"""contraction-pool: a convolution and the pool behind it become one kernel, where that should be faster.

  max_pool(f(conv(x))) => f(max_pool(conv(x))), if f never decreases

The maxima are taken of accumulators, so that f is computed of the maxima alone, and the largest tensor of
many networks is neither stored nor read. Expected times decide, of the best kernels for both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ....codegen.interface import ArchSpec, Candidate, families
from ....dialects.control import all_blocks
from ....dialects.core.ir import Block, Value
from ....dialects.core.module import Module
from ....dialects.graph.constants import Constant
from ....dialects.precision import PrecisionKernel
from ....errors import UnsupportedError
from ...fusion.vertical.record import op_label
from ...kernels.choice import KernelChooser, cheapest
from ...passes.ledger import Figure, Verdict
from ...passes.manager import PassContext
from ...passes.switches import barrier_between
from .merge import ConvolutionAndPool, merged, pair_of, put, why_not

CONTRACTION_POOL = "contraction-pool"
SUMMARY = "max_pool(f(conv(x))), f never decreasing => one kernel, of f(max_pool(conv(x)))"


@dataclass(frozen=True)
class ContractionPool:
    """The pass, for TARGET; every pool that a kernel may take the maxima of is on record."""

    target: ArchSpec
    name: ClassVar[str] = CONTRACTION_POOL

    def run(self, module: Module, context: PassContext) -> Module:
        able = [family for family in families().values() if family.runs_on(self.target)]
        for block in all_blocks(module):
            for op in [each for each in block if isinstance(each, PrecisionKernel)]:
                pair = pair_of(op)
                if pair is not None and any(family.takes_maxima(pair.pool) for family in able):
                    _Decision(module, context, self.target, pair).make()
        return module


class _Decision:
    """The decision about one pair."""

    def __init__(
        self, module: Module, context: PassContext, target: ArchSpec, pair: ConvolutionAndPool
    ) -> None:
        self._module = module
        self._context = context
        self._pair = pair
        self._chooser = KernelChooser(module, target, cheapest)

    def make(self) -> None:
        if CONTRACTION_POOL in self._context.disabled:
            self._record(Verdict.DISABLED, f"the rule {CONTRACTION_POOL} is switched off")
            return
        barrier = self._barrier()
        if barrier is not None:
            self._record(Verdict.DISABLED, barrier)
            return
        self._context.decide()
        reason = why_not(self._pair)
        if reason is not None:
            self._record(Verdict.REFUSED, reason)
            return
        self._by_time()

    def _barrier(self) -> str | None:
        """Why a switch keeps the kernels apart; None when none does."""
        ops = (op for op in self._pair.first.body.block if op.next is not None)
        reasons = (barrier_between(self._context, op, self._pair.pool) for op in ops)
        return next((reason for reason in reasons if reason is not None), None)

    def _by_time(self) -> None:
        first, second, (region, operands) = self._pair.first, self._pair.second, merged(self._pair)
        one = self._best(region, operands, second.result)
        if one is None or not families()[one.family].takes_maxima(self._pair.pool):
            self._record(Verdict.REFUSED, "no kernel takes maxima of this convolution's accumulators")
            return
        apart = [self._best(each.body.block, each.inputs, each.result) for each in (first, second)]
        together, expected = one.microseconds, sum(each.microseconds for each in apart if each is not None)
        taken = together < expected
        reason = "maxima are taken of accumulators" if taken else "two kernels are faster"
        times: dict[str, Figure] = {
            "microseconds_together": round(together, 3),
            "microseconds_apart": round(expected, 3),
        }
        self._record(Verdict.TAKEN if taken else Verdict.REFUSED, reason, **times)
        if taken:
            put(self._pair, region, operands)

    def _best(self, region: Block, operands: Sequence[Value], result: Value) -> Candidate | None:
        """The best kernel of REGION; None where there is none."""
        weights = [isinstance(value.producer, Constant) for value in operands]
        reads = [value.type for value in operands]
        try:
            return self._chooser.forecast(region, reads, [result.type], weights)
        except UnsupportedError:
            return None

    def _record(self, verdict: Verdict, reason: str, **figures: Figure) -> None:
        pair = self._pair
        nodes = dict.fromkeys((*pair.root.location.nodes, *pair.pool.location.nodes))
        self._context.ledger.add(
            CONTRACTION_POOL,
            verdict,
            reason,
            ops=(op_label(pair.root), op_label(pair.pool)),
            nodes=nodes,
            split=len(pair.root.location.nodes),
            **figures,
        )
