"""What concat elision and views leave in the ledger, and the switches they obey."""

from __future__ import annotations

from ....dialects.core.ir import Value
from ....dialects.precision import Kernel
from ...ledger import Figure, Record, Verdict
from ...passes import PassContext
from ..fusion.record import op_label
from .plan import base_of

ELIDE_CONCAT = "elide-concat"
VIEW_SLICE = "view-slice"


class ViewRecord:
    """Writes one record for every kernel that only moves elements; without a context nothing is written."""

    def __init__(self, context: PassContext | None) -> None:
        self._context = context

    def switched_off(self, rule: str) -> str | None:
        """Why RULE must not be applied at all; a candidate that is considered counts as a decision."""
        if self._context is None:
            return None
        if rule in self._context.disabled:
            return f"the rule {rule} is switched off"
        self._context.decide()
        return None

    def barrier(self, value: Value, consumer: Kernel) -> str | None:
        """Why the kernel that makes VALUE and CONSUMER must stay apart."""
        if self._context is None or value.producer is None:
            return None
        return self._context.apart(value.producer.location.nodes, consumer.location.nodes)

    def taken(self, rule: str, kernel: Kernel, reason: str, bytes_: int, launches: int, saved: float) -> None:
        figures: dict[str, Figure] = {"bytes_saved": bytes_, "launches_saved": launches}
        self._add(rule, Verdict.TAKEN, kernel, reason, figures | {"microseconds_saved": round(saved, 3)})

    def refused(self, rule: str, kernel: Kernel, reason: str, saved: float | None = None) -> None:
        verdict = Verdict.DISABLED if reason.endswith("is switched off") else Verdict.REFUSED
        self._add(
            rule, verdict, kernel, reason, {} if saved is None else {"microseconds_saved": round(saved, 3)}
        )

    def _add(
        self, rule: str, verdict: Verdict, kernel: Kernel, reason: str, figures: dict[str, Figure]
    ) -> None:
        if self._context is None:
            return
        makers = [op for op in (base_of(value).producer for value in kernel.inputs) if isinstance(op, Kernel)]
        nodes = tuple(dict.fromkeys(node for op in makers for node in op.location.nodes))
        after = tuple(node for node in kernel.location.nodes if node not in nodes)
        ops = tuple(op_label(op) for op in (*dict.fromkeys(makers), kernel))
        self._context.ledger.append(Record(rule, ops, nodes + after, verdict, reason, figures, len(nodes)))
