"""Vertical fusion, backwards: rows and loops take in what is computed only for them.

Ops are visited from the last to the first. One whose users all lie in one kernel may be computed
there; else it starts a loop kernel of its own. So every value that leaves a kernel is its last.
"""

from __future__ import annotations

from ...dialects.core.ir import Operation
from ...dialects.core.traits import Trait, has
from ...dialects.graph.movement import Reshape
from .clusters import Cluster, Plan, is_clusterable
from .fusion_record import Recorder, Refusal
from .recompute import Evaluations, taps
from .rows import row_producer_refusal

SEVERAL = Refusal("its result is read by several kernels")
OUTPUT = Refusal("its result is an output")
NO_PROLOGUE = Refusal("a contraction reads its operands from memory")


class ProducerFusion:
    """Assigns the ops that no contraction, row or window has taken."""

    def __init__(self, plan: Plan, recorder: Recorder, limit: int, prologues: bool) -> None:
        self._plan = plan
        self._recorder = recorder
        self._limit = limit
        self._prologues = prologues
        self._evaluations = Evaluations(plan)

    def run(self) -> None:
        """Visit all ops backwards."""
        windows = [cluster for cluster in self._plan.clusters if cluster.root == "loop"]
        for cluster in windows:
            backwards = sorted(cluster.ops, key=self._plan.order.__getitem__, reverse=True)
            self._evaluations.recount(cluster, backwards)
        for op in sorted(self._plan.order, key=self._plan.order.__getitem__, reverse=True):
            if self._plan.free(op):
                self._place(op)

    def _place(self, op: Operation) -> None:
        cluster = self._taker(op)
        if cluster is None:
            cluster = self._plan.open("loop", op)
            self._evaluations.begin(cluster, op)
            return
        self._plan.add(cluster, op)
        if cluster.root == "loop":
            self._evaluations.join(cluster, op)

    def _taker(self, op: Operation) -> Cluster | None:
        """The kernel that OP may be computed in, if there is one; the decision is recorded."""
        users = op.result.users
        if not users:
            return None
        consumer = users[0]
        cluster = self._plan.owner.get(consumer)
        rule = _rule(op, cluster)
        refusal = self._refusal(op, users, cluster, rule)
        if refusal is not None:
            self._recorder.refused(rule, op, consumer, refusal)
            return None
        self._recorder.taken(rule, op, consumer, "computed where it is read")
        return cluster

    def _refusal(
        self, op: Operation, users: list[Operation], cluster: Cluster | None, rule: str
    ) -> Refusal | None:
        if any(not is_clusterable(user) for user in users):
            return OUTPUT
        if cluster is None or any(self._plan.owner.get(user) is not cluster for user in users):
            return SEVERAL
        if len(cluster.ops) >= self._limit:
            return Refusal(f"the kernel already has {self._limit} ops")
        off = self._recorder.switched_off(rule, op, users[0])
        return off or self._legality(op, cluster)

    def _legality(self, op: Operation, cluster: Cluster) -> Refusal | None:
        if cluster.root == "row":
            return row_producer_refusal(cluster, op)
        if cluster.root == "contraction":
            return self._prologue_refusal(op, cluster)
        if taps(op) != 1.0:
            return Refusal(f"{op.name} reads many elements for each one it gives")
        return self._evaluations.refusal(cluster, op, self._limit)

    def _prologue_refusal(self, op: Operation, cluster: Cluster) -> Refusal | None:
        """Elementwise producers of the first operand alone, when the option is on."""
        if not self._prologues or not has(op, Trait.ELEMENTWISE):
            return NO_PROLOGUE
        seed, first = cluster.seed, cluster.seed.operands[0]
        assert first is not None
        for user, index in op.result.uses:
            # Users before the seed are prologue ops; the seed itself may read OP as its first operand.
            if self._plan.order[user] > self._plan.order[seed] or (user is seed and index != 0):
                return NO_PROLOGUE
        return None if op.result.type.shape == first.type.shape else NO_PROLOGUE


def _rule(op: Operation, cluster: Cluster | None) -> str:
    """The name of the rule that would put OP into CLUSTER."""
    root = cluster.root if cluster is not None else "loop"
    if root != "loop":
        return {"row": "row-producer", "contraction": "contraction-prologue"}[root]
    if isinstance(op, Reshape):
        return "loop-reshape"
    return "loop-movement" if has(op, Trait.MOVEMENT) else "loop-elementwise"
