"""Ledger records of concat elision and slice views, and the switches that they obey."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.base import nofuse_of
from ....dialects.precision import PrecisionKernel
from ...fusion.vertical.record import PAD_ROWS, op_label
from ...passes.ledger import Figure, Record, Verdict
from ...passes.manager import PassContext
from ...passes.switches import edges_of
from .view_plan import base_of


@dataclass(frozen=True)
class Savings:
    """What eliding a kernel saves. `launches` is less than 1 where copies run instead of it;
    `microseconds` is None where no estimate was made."""

    bytes: int
    launches: int
    microseconds: float | None = None

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures of the ledger's record."""
        figures: dict[str, Figure] = {"bytes_saved": self.bytes, "launches_saved": self.launches}
        if self.microseconds is not None:
            figures["microseconds_saved"] = round(self.microseconds, 3)
        return figures


def _marked(value: Value, producer: PrecisionKernel, consumer: PrecisionKernel) -> str | None:
    """The `nofuse` mark that keeps CONSUMER from accessing VALUE, a result of PRODUCER, in place; or None."""
    made = producer.body.block.terminator.inputs[value.index].producer
    inside = [op for op in consumer.body.block if not has(op, Trait.TERMINATOR)]
    alone = next((op for op in (made, *inside) if op is not None and nofuse_of(op) is True), None)
    if alone is not None:
        return f"{alone.name} is marked nofuse"
    outside = dict(zip(consumer.body.block.arguments, consumer.inputs, strict=True))
    for op in inside:
        for index in edges_of(op):
            operand = op.operands[index]
            read = None if operand is None else outside.get(base_of(operand))
            if read is not None and base_of(read) is value:
                return f"operand {index} of {op.name} is marked nofuse"
    return None


class ViewRecord:
    """Writes one record for every kernel that only moves elements, and for rows that may lie apart; without a
    context it writes none."""

    def __init__(self, context: PassContext | None) -> None:
        self._context = context
        self._switches: set[str] = set()  # the reasons that are switches

    def switched_off(self, rule: str) -> str | None:
        """Why RULE must not be applied, or None, in which case the candidate counts as a decision."""
        if self._context is None:
            return None
        if rule in self._context.disabled:
            return self._switched(f"the rule {rule} is switched off")
        self._context.decide()
        return None

    def _switched(self, reason: str) -> str:
        self._switches.add(reason)
        return reason

    def barrier(self, value: Value, consumer: PrecisionKernel) -> str | None:
        """The switch that keeps the producer of VALUE and CONSUMER apart, as a reason; None without one."""
        producer = value.producer
        if self._context is None or producer is None:
            return None
        reason = self._context.fusion_barrier(producer.location.nodes, consumer.location.nodes)
        if reason is None and isinstance(producer, PrecisionKernel):
            reason = _marked(value, producer, consumer)
        return None if reason is None else self._switched(reason)

    def taken(self, rule: str, kernel: PrecisionKernel, reason: str, savings: Savings) -> None:
        self._add(rule, Verdict.TAKEN, kernel, reason, savings.figures)

    def is_switch(self, reason: str) -> bool:
        """True when REASON was returned by a method of this class as a switch."""
        return reason in self._switches

    def refused(
        self, rule: str, kernel: PrecisionKernel, reason: str, savings: Savings, cause: str = ""
    ) -> None:
        """Record that KERNEL runs, for REASON. SAVINGS are what eliding it would have saved.

        CAUSE is the part of REASON that decides whether a switch is to blame; REASON itself if empty.
        """
        verdict = Verdict.DISABLED if self.is_switch(cause or reason) else Verdict.REFUSED
        self._add(rule, verdict, kernel, reason, savings.figures)

    def _add(
        self, rule: str, verdict: Verdict, kernel: PrecisionKernel, reason: str, figures: dict[str, Figure]
    ) -> None:
        if self._context is None:
            return
        # How far rows lie apart is a matter of the kernel that writes them, not of it and those before it.
        read = () if rule == PAD_ROWS else kernel.inputs
        makers = [op for op in (base_of(value).producer for value in read) if isinstance(op, PrecisionKernel)]
        nodes = tuple(dict.fromkeys(node for op in makers for node in op.location.nodes))
        after = tuple(node for node in kernel.location.nodes if node not in nodes)
        ops = tuple(op_label(op) for op in (*dict.fromkeys(makers), kernel))
        self._context.ledger.append(Record(rule, ops, nodes + after, verdict, reason, figures, len(nodes)))
