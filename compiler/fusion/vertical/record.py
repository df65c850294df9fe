"""Ledger records of vertical fusion: at least one for every pair of a producer and its consumer.

Decisions are noted while kernels form, and written when they are final, with their savings: launches,
and the bytes that are neither stored nor loaded, in the model's element types at the symbols' optimum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ....codegen.interface import BUDGET_MS, compile_ms
from ....dialects.core.ir import Operation, Value
from ....dialects.graph.base import nofuse_of
from ....dialects.graph.movement.reshape import Reshape
from ...passes.ledger import Figure, Verdict
from ...passes.manager import PassContext
from ...passes.switches import barrier_between
from .clusters import Cluster, ClusterPlan, is_clusterable

VIEW = "view"
BOUNDARY = "kernel-boundary"
# Rules of the launch level that fusion defers to.
ELIDE_CONCAT = "elide-concat"
VIEW_SLICE = "view-slice"
PAD_ROWS = "pad-rows"


def op_label(op: Operation) -> str:
    """OP for people: its name and, where it has one, the name of its result."""
    hint = op.results[0].hint if op.results else ""
    return f"{op.name} %{hint}" if hint else op.name


def node_label(op: Operation) -> str:
    """The ONNX node of OP or, without one, its label."""
    return op.location.nodes[0] if op.location.nodes else op_label(op)


@dataclass(frozen=True)
class Refusal:
    """Why a candidate was not fused, with the figures that decided it.

    disabled: a switch forbids it; full: the kernel has no room for it, though other ops may still fit.
    """

    reason: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    disabled: bool = False
    full: bool = False


def too_large(cluster: Cluster, op: Operation, limit: int) -> Refusal | None:
    """Why OP would make CLUSTER too large, in ops (at most LIMIT) or compile time; None if it would not."""
    if len(cluster.ops) >= limit:
        return Refusal(f"the kernel already has {limit} ops", {"kernel_ops": limit}, full=True)
    expected = cluster.compile_ms + compile_ms(op, cluster.root)
    if expected > BUDGET_MS:
        figures = {"compile_ms": round(expected), "budget_ms": round(BUDGET_MS)}
        return Refusal("the kernel would take too long to compile", figures, full=True)
    return None


AT_EDGE = Refusal("at the edge of a kernel it is a view, which moves no data")
CONTROLLED = Refusal("control flow is between kernels, and reads memory")
LEADERS = Refusal("each starts its own kernel")


@dataclass
class _FusionEntry:
    """A decision about a producer and a consumer; `joins` if it is the one that fused an op."""

    rule: str
    producer: Operation
    consumer: Operation
    verdict: Verdict
    reason: str
    figures: Mapping[str, Figure]
    joins: bool = False


class Recorder:
    """Checks the switches, and keeps the decisions of one function until they are final."""

    def __init__(self, context: PassContext, plan: ClusterPlan) -> None:
        self._context = context
        self._plan = plan
        self._outputs = plan.outputs
        self._entries: dict[_Key, _FusionEntry] = {}
        self._about: dict[Operation, list[_Key]] = {}
        self._stored_once: set[Value] = set()
        marked = any(nofuse_of(op) is not None for op in plan.order)
        self._switched = bool(context.barriers or context.keep or marked)

    # ------------------------------------------------------------ switches

    def rule_off(self, rule: str) -> Refusal | None:
        """The refusal when RULE is switched off; otherwise None, and the candidate counts as a decision."""
        if rule in self._context.disabled:
            return Refusal(f"the rule {rule} is switched off", disabled=True)
        self._context.decide()
        return None

    def is_off(self, rule: str) -> bool:
        """True when RULE, which another pass applies, is switched off."""
        return rule in self._context.disabled

    def follower_off(self, cluster: Cluster, op: Operation) -> Refusal | None:
        """The refusal when a switch keeps OP, a consumer of CLUSTER, out of it."""
        return self.barrier_among((member, op) for member in cluster.ops)

    def leader_off(self, cluster: Cluster, op: Operation) -> Refusal | None:
        """The refusal when a switch keeps OP, a producer for CLUSTER, out of it."""
        return self.barrier_among((op, member) for member in cluster.ops)

    def barrier_among(self, pairs: Iterable[tuple[Operation, Operation]]) -> Refusal | None:
        """The refusal when a switch keeps one of PAIRS, producer and consumer, apart."""
        if not self._switched:
            return None
        for producer, consumer in pairs:
            reason = barrier_between(self._context, producer, consumer)
            if reason is not None:
                return Refusal(reason, disabled=True)
        return None

    # ------------------------------------------------------------ decisions

    def joined(
        self, rule: str, pairs: Iterable[tuple[Operation, Operation]], reason: str, figures: _Figures = ()
    ) -> None:
        """Note that RULE fused an op; PAIRS are its def-use edges to the ops of the kernel."""
        for number, (producer, consumer) in enumerate(pairs):
            entry = _FusionEntry(
                rule, producer, consumer, Verdict.TAKEN, reason, dict(figures), joins=number == 0
            )
            self._note(entry)

    def refused(self, rule: str, producer: Operation, consumer: Operation, refusal: Refusal) -> None:
        """Note that RULE did not fuse PRODUCER and CONSUMER."""
        verdict = Verdict.DISABLED if refusal.disabled else Verdict.REFUSED
        self._note(_FusionEntry(rule, producer, consumer, verdict, refusal.reason, refusal.figures))

    def _note(self, entry: _FusionEntry) -> None:
        key = (entry.rule, entry.producer, entry.consumer)
        self._entries.pop(key, None)  # the latest decision counts, and comes last
        self._entries[key] = entry
        for op in (entry.producer, entry.consumer):
            self._about.setdefault(op, []).append(key)

    def became_view(self, op: Operation) -> None:
        """Note that OP was removed from its kernel again and is a view next to it."""
        for key in self._about.get(op, ()):
            entry = self._entries.get(key)
            if entry is not None and entry.verdict is Verdict.TAKEN:
                del self._entries[key]
                self.refused(VIEW, entry.producer, entry.consumer, AT_EDGE)

    def forget(self, op: Operation) -> None:
        """Drop the decisions that fused OP: it was removed from its kernel and is decided about anew."""
        for key in self._about.get(op, ()):
            if key[1] is op:
                self._entries.pop(key, None)

    # ------------------------------------------------------------ the ledger

    def write(self) -> None:
        """Write the decisions to the ledger, and a record for every pair without a decision."""
        for entry in self._entries.values():
            self._write(entry)
        known = {(producer, consumer) for _, producer, consumer in self._entries}
        for op in self._plan.order:
            if is_clusterable(op) and op not in self._plan.owner:
                names = (op_label(op),)
                self._context.ledger.add(
                    VIEW, Verdict.TAKEN, AT_EDGE.reason, ops=names, nodes=op.location.nodes
                )
            for producer in dict.fromkeys(value.producer for value in op.inputs):
                if producer is None or not is_clusterable(producer) or (producer, op) in known:
                    continue
                self._write(self._structural(producer, op))

    def _structural(self, producer: Operation, op: Operation) -> _FusionEntry:
        cluster = self._plan.owner.get(producer)
        if cluster is not None and cluster is self._plan.owner.get(op):
            return _FusionEntry(BOUNDARY, producer, op, Verdict.TAKEN, "both are in one kernel", {})
        if isinstance(producer, Reshape) or isinstance(op, Reshape):
            return _FusionEntry(VIEW, producer, op, Verdict.REFUSED, AT_EDGE.reason, {})
        return _FusionEntry(BOUNDARY, producer, op, Verdict.REFUSED, LEADERS.reason, {})

    def _write(self, entry: _FusionEntry) -> None:
        producers = entry.producer.location.nodes
        nodes = dict.fromkeys((*producers, *entry.consumer.location.nodes))
        self._context.ledger.add(
            entry.rule,
            entry.verdict,
            entry.reason,
            ops=(op_label(entry.producer), self._reader(entry)),
            nodes=nodes,
            split=len(producers),
            **{**entry.figures, **self._saved(entry)},
        )

    def _reader(self, entry: _FusionEntry) -> str:
        """The consumer's label; for the return, which reads all outputs, the names of those concerned."""
        if entry.consumer.results:
            return op_label(entry.consumer)
        uses = [use for value in entry.producer.results for use in value.uses]
        read = [self._outputs[index] for user, index in uses if user is entry.consumer]
        return f"output {', '.join(read)}"

    def _saved(self, entry: _FusionEntry) -> dict[str, Figure]:
        """The bytes and launches that fusing the pair saves, or would have saved.

        A fused value is neither stored, which its first pair counts, nor loaded by its consumers.
        Reshapes and outputs save nothing.
        """
        results = entry.producer.results
        value = next((each for each in results if entry.consumer in each.users), results[0])
        views = isinstance(entry.producer, Reshape), isinstance(entry.consumer, Reshape)
        if not entry.consumer.results or views[0]:
            return {"bytes_saved": 0, "launches_saved": 0}
        size = int(self._plan.elements(value)) * value.type.dtype.bytes
        if entry.verdict is Verdict.TAKEN:
            first = value not in self._stored_once
            self._stored_once.add(value)
            return {"bytes_saved": size * (1 + first), "launches_saved": int(entry.joins)}
        if views[1]:
            return {"bytes_saved": 0, "launches_saved": 0}
        alone = len(value.users) == 1
        return {"bytes_saved": size * (1 + alone), "launches_saved": int(alone)}


_Key = tuple[str, Operation, Operation]
_Figures = Mapping[str, Figure] | tuple[()]
