"""Forward vertical fusion: contractions, row kernels and windows absorb their consumers.

A cluster grows along the def-use chains of its values, in program order. After each op it is checked
whether a single value is still read outside the cluster. The kernel ends at the last point where that
held, so that a diamond (`x * sigmoid(x)`) is fused whole or not at all.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter

from ....dialects.control import ControlOp
from ....dialects.core.ir import Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.binary import Add
from ....dialects.graph.constants import Constant
from ....dialects.graph.elementwise import Where
from ....dialects.graph.quantization import Dequantize
from ....dialects.graph.softmax import LogSoftmax, Softmax
from .clusters import Cluster, ClusterPlan, shape_text
from .record import CONTROLLED, Recorder, Refusal, node_label, op_label, too_large
from .rows import row_refusal

Legality = Callable[[Cluster, Operation], Refusal | None]

ESCAPES = Refusal("an intermediate value is also read outside the kernel")
OUTPUT = Refusal("it is an output")
MASKS = Refusal("it masks the scores of a softmax, which adds it in f32: in 16 bits they may overflow")
WIDENS = Refusal("its consumers dequantize it themselves, and load fewer bytes")


@dataclass(frozen=True)
class ConsumerRule:
    """A rule that fuses consumers: `legal` gives the refusal for an op, or None when it may join."""

    name: str
    legal: Legality
    reason: str


def epilogue_refusal(cluster: Cluster, op: Operation) -> Refusal | None:
    """Why OP cannot be an epilogue of CLUSTER; None for elementwise ops of the seed's shape."""
    if not has(op, Trait.ELEMENTWISE):
        return Refusal(f"{op.name} is not elementwise")
    if op.result.type.shape != cluster.seed.result.type.shape:
        shapes = shape_text(op.result.type.shape), shape_text(cluster.seed.result.type.shape)
        figures = {"shape": shapes[0], "kernel_shape": shapes[1]}
        return Refusal("its shape differs from that of the kernel's result", figures)
    return MASKS if _masks(op) else None


def _masks(op: Operation) -> bool:
    """True when OP applies a computed mask, by add or select, to scores that a softmax reads."""
    if not isinstance(op, (Add, Where)) or any(
        isinstance(value.producer, Constant) for value in op.inputs[:2]
    ):
        return False
    value = op.result
    while len(value.users) == 1 and has(value.users[0], Trait.ELEMENTWISE):
        value = value.users[0].result
    return any(isinstance(user, (Softmax, LogSoftmax)) for user in value.users)


CONTRACTION_EPILOGUE = ConsumerRule(
    "contraction-epilogue", epilogue_refusal, "computed on the accumulator before it is stored"
)
WINDOW_EPILOGUE = ConsumerRule("window-epilogue", epilogue_refusal, "computed on the window's result")
ROW_CONSUMER = ConsumerRule("row-consumer", row_refusal, "works on the same rows")

CONSUMER_RULES = {
    CONTRACTION_EPILOGUE.name: "elementwise(conv or matmul) => an epilogue, computed on the accumulator",
    ROW_CONSUMER.name: "op(softmax, norm or reduce) on the same rows => one kernel, a row at a time",
    WINDOW_EPILOGUE.name: "elementwise(pool or lrn) => computed on the window's result",
}


@dataclass
class _Growth:
    """The state while one cluster grows: ops absorbed, uses outside of it, candidates in program order."""

    absorbed: list[Operation] = field(default_factory=list)
    open_uses: dict[Value, int] = field(default_factory=dict)
    candidates: list[tuple[int, Operation]] = field(default_factory=list)
    seen: set[Operation] = field(default_factory=set)

    def expose(self, op: Operation, plan: ClusterPlan) -> None:
        """Note that OP is inside now: its users become candidates, and its operands lose a use outside."""
        for value in op.inputs:
            self._close(value)
        for value in op.results:
            if value.uses:
                self.open_uses[value] = len(value.uses)
            for user in value.users:
                if user not in self.seen:
                    self.seen.add(user)
                    heapq.heappush(self.candidates, (plan.order[user], user))

    def _close(self, value: Value) -> None:
        if value in self.open_uses:
            self.open_uses[value] -= 1
            if not self.open_uses[value]:
                del self.open_uses[value]


class ConsumerFusion:
    """Grows clusters over their consumers, up to LIMIT ops each."""

    def __init__(self, plan: ClusterPlan, recorder: Recorder, limit: int) -> None:
        self._plan = plan
        self._recorder = recorder
        self._limit = limit

    def grow(self, cluster: Cluster, rule: ConsumerRule) -> None:
        """Fuse consumers of CLUSTER's seed by RULE, up to the last point where a single value leaves it."""
        growth = _Growth()
        growth.expose(cluster.seed, self._plan)
        kept = 0
        while growth.candidates:
            _, user = heapq.heappop(growth.candidates)
            refusal = self._refusal(cluster, user, rule)
            if refusal is not None:
                self._settle(cluster, growth, kept, rule)
                self._stop(cluster, growth, (user, refusal), rule)
                return
            self._plan.add(cluster, user)
            growth.absorbed.append(user)
            growth.expose(user, self._plan)
            if len(growth.open_uses) == 1 and not _widens(user):
                kept = len(growth.absorbed)
        self._settle(cluster, growth, kept, rule)

    def _settle(self, cluster: Cluster, growth: _Growth, kept: int, rule: ConsumerRule) -> None:
        """Keep the first KEPT of the absorbed ops, release the others, and record both decisions."""
        for op in reversed(growth.absorbed[kept:]):
            self._plan.remove(op)
        for op in growth.absorbed[:kept]:
            pairs = [(source, op) for source in _sources(cluster, op)]
            self._recorder.joined(rule.name, pairs, rule.reason)
        escapes = Refusal(ESCAPES.reason, {"values_read_outside": len(growth.open_uses)})
        if all(_widens(op) for op in growth.absorbed[kept:]):
            escapes = WIDENS
        for op in growth.absorbed[kept:]:
            for source in _sources(cluster, op):
                self._recorder.refused(rule.name, source, op, escapes)

    def _stop(
        self, cluster: Cluster, growth: _Growth, stopped: tuple[Operation, Refusal], rule: ConsumerRule
    ) -> None:
        """Record why the kernel ends at STOPPED, and that its other consumers are not considered."""
        op, refusal = stopped
        for source in _sources(cluster, op):
            self._recorder.refused(rule.name, source, op, refusal)
        behind = Refusal(f"the kernel ended before it, at {op_label(op)}: {refusal.reason}", refusal.figures)
        for _, other in sorted(growth.candidates, key=itemgetter(0)):
            for source in _sources(cluster, other):
                self._recorder.refused(rule.name, source, other, behind)

    def _refusal(self, cluster: Cluster, user: Operation, rule: ConsumerRule) -> Refusal | None:
        if not self._plan.free(user):
            if isinstance(user, ControlOp):
                return CONTROLLED
            owner = self._plan.owner.get(user)
            return OUTPUT if owner is None else Refusal(_home(user, owner))
        full = too_large(cluster, user, self._limit)
        if full is not None:
            return full
        off = self._recorder.follower_off(cluster, user) or self._recorder.rule_off(rule.name)
        return off or rule.legal(cluster, user)


def _home(op: Operation, cluster: Cluster) -> str:
    """Which kernel OP, an op of CLUSTER, is in."""
    if op is cluster.seed:
        return f"{node_label(op)} starts its own kernel"
    return f"{node_label(op)} is in the kernel of {node_label(cluster.seed)}"


def _widens(op: Operation) -> bool:
    """True when a kernel that ends with OP would store more bytes than one that ends before it."""
    return isinstance(op, Dequantize) and not any(has(user, Trait.TERMINATOR) for user in op.result.users)


def _sources(cluster: Cluster, op: Operation) -> list[Operation]:
    """The ops of CLUSTER that OP reads, each once."""
    producers = dict.fromkeys(value.producer for value in op.inputs)
    return [producer for producer in producers if producer is not None and producer in cluster]
