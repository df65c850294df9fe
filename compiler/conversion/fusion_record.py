"""What vertical fusion leaves in the ledger: one record for every candidate, taken or refused."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.ir import Operation
from ..ledger import Verdict
from ..passes import PassContext


def op_label(op: Operation) -> str:
    """An op for people: its name and, where it has one, the name of its result."""
    hint = op.results[0].hint if op.results else ""
    return f"{op.name} %{hint}" if hint else op.name


@dataclass(frozen=True)
class Refusal:
    """Why a candidate was not fused; `disabled` when a switch said so."""

    reason: str
    disabled: bool = False


class Recorder:
    """Asks the switches and writes the ledger for candidates (producer, consumer)."""

    def __init__(self, context: PassContext) -> None:
        self._context = context

    def switched_off(self, rule: str, producer: Operation, consumer: Operation) -> Refusal | None:
        """A refusal when RULE, or the edge between two ONNX nodes, is switched off."""
        if rule in self._context.disabled:
            return Refusal(f"the rule {rule} is switched off", disabled=True)
        for barrier in self._context.barriers:
            if barrier[0] in producer.location.nodes and barrier[1] in consumer.location.nodes:
                return Refusal(f"fusing {barrier[0]} with {barrier[1]} is switched off", disabled=True)
        return None

    def taken(self, rule: str, producer: Operation, consumer: Operation, reason: str) -> None:
        self._add(rule, Verdict.TAKEN, reason, producer, consumer)

    def refused(self, rule: str, producer: Operation, consumer: Operation, refusal: Refusal) -> None:
        verdict = Verdict.DISABLED if refusal.disabled else Verdict.REFUSED
        self._add(rule, verdict, refusal.reason, producer, consumer)

    def _add(
        self, rule: str, verdict: Verdict, reason: str, producer: Operation, consumer: Operation
    ) -> None:
        ops = (op_label(producer), op_label(consumer))
        nodes = dict.fromkeys((*producer.location.nodes, *consumer.location.nodes))
        self._context.ledger.add(rule, verdict, reason, ops=ops, nodes=nodes)
