"""few-rows: what is in front of and behind a product of few rows becomes part of its kernel, where that
should be faster.

  matmul(norm(x), w)                                   => one kernel, each block of which computes the rows
  y = matmul(x, w); f(y[..., :half], y[..., half:])    => one kernel, whose tiles have columns of both halves

Few rows are bound by the bandwidth of memory, and by launches: a norm is a launch of a few microseconds, in
which memory does nothing. Expected times decide, of the best kernels for both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ....codegen.interface import ArchSpec, Candidate, KernelFamily, families
from ....dialects.control import all_blocks
from ....dialects.core.ir import Block, Value
from ....dialects.core.module import Module
from ....dialects.graph.constants import Constant
from ....dialects.precision import PrecisionKernel
from ....errors import UnsupportedError
from ...fusion.horizontal.cost import HALVES
from ...fusion.vertical.record import op_label
from ...kernels.choice import KernelChooser, cheapest
from ...passes.ledger import Figure, Verdict
from ...passes.manager import PassContext
from ...passes.switches import barrier_between
from .merge import KernelPair, is_halves, is_rows, merged, pairs_before, put

ROWS = "rows-before-product"
SUMMARIES = {
    ROWS: "matmul(norm(x), w) of few rows => one kernel, whose blocks compute the rows",
    HALVES: "f(both halves of the columns of matmul(x, w)) of few rows => one kernel",
}


@dataclass(frozen=True)
class _Kind:
    """A rule, the pairs that it is about, and the families whose kernels compute such a pair."""

    rule: str
    fits: Callable[[KernelPair], bool]
    able: Callable[[KernelFamily], bool]


_KINDS = (
    _Kind(ROWS, is_rows, lambda family: family.computes_rows),
    _Kind(HALVES, is_halves, lambda family: family.takes_halves),
)


@dataclass(frozen=True)
class FewRows:
    """The pass, for TARGET; every pair that a kernel may compute is on record."""

    target: ArchSpec
    name: ClassVar[str] = "few-rows"

    def run(self, module: Module, context: PassContext) -> Module:
        able = [family for family in families().values() if family.runs_on(self.target)]
        kinds = [kind for kind in _KINDS if any(map(kind.able, able))]
        chooser = KernelChooser(module, self.target, cheapest)
        for block in all_blocks(module):
            for op in [each for each in block if isinstance(each, PrecisionKernel)]:
                found = ((kind, pair) for pair in pairs_before(op) for kind in kinds if kind.fits(pair))
                for kind, pair in found:
                    if _PairDecision(context, chooser, kind, pair).make():
                        break
        return module


@dataclass(frozen=True)
class _PairDecision:
    """The decision about one pair."""

    context: PassContext
    chooser: KernelChooser
    kind: _Kind
    pair: KernelPair

    def make(self) -> bool:
        """Make one kernel of the pair if that should be faster; whether it was made."""
        region, operands = merged(self.pair)
        one = self._best(region, operands)
        if one is None or not self.kind.able(families()[one.family]):
            return False  # no kernel computes such rows, so that there is nothing to decide
        reason = self._switched_off()
        if reason is not None:
            self._record(Verdict.DISABLED, reason)
            return False
        self.context.decide()
        kernels = (self.pair.first, self.pair.second)
        apart = [self._best(each.body.block, each.inputs) for each in kernels]
        times: dict[str, Figure] = {"microseconds_together": round(one.microseconds, 3)}
        possible = [each.microseconds for each in apart if each is not None]
        if len(possible) == len(apart):
            times["microseconds_apart"] = round(sum(possible), 3)
            taken = one.microseconds < sum(possible)
            reason = "a launch less" if taken else "two kernels are faster"
        else:
            taken, reason = True, "one of the two has no kernel by itself"
        self._record(Verdict.TAKEN if taken else Verdict.REFUSED, reason, **times)
        if taken:
            put(self.pair, region, operands)
        return taken

    def _switched_off(self) -> str | None:
        """Why a switch keeps the kernels apart; None when none does."""
        if self.kind.rule in self.context.disabled:
            return f"the rule {self.kind.rule} is switched off"
        ops = [op for op in self.pair.first.body.block if op.next is not None]
        readers = self.pair.argument.users
        reasons = (barrier_between(self.context, op, reader) for op in ops for reader in readers)
        return next((reason for reason in reasons if reason is not None), None)

    def _best(self, region: Block, operands: Sequence[Value]) -> Candidate | None:
        """The best kernel of REGION; None where there is none."""
        weights = [isinstance(value.producer, Constant) for value in operands]
        reads = [value.type for value in operands]
        writes = [value.type for value in region.terminator.inputs]
        try:
            return self.chooser.forecast(region, reads, writes, weights)
        except UnsupportedError:
            return None

    def _record(self, verdict: Verdict, reason: str, **figures: Figure) -> None:
        ends = [self.pair.first.body.block.terminator.inputs[0].producer, self.pair.argument.users[0]]
        ops = [op for op in ends if op is not None]
        first, second = self.pair.first.location.nodes, self.pair.second.location.nodes
        self.context.ledger.add(
            self.kind.rule,
            verdict,
            reason,
            ops=tuple(map(op_label, ops)),
            nodes=dict.fromkeys((*first, *second)),
            split=len(first),
            **figures,
        )
