"""Backward vertical fusion: kernels absorb producers that compute for them alone.

Ops are visited from the last to the first. An op whose consumers all lie in one kernel may be computed
there; any other op starts a loop kernel of its own. So the value that leaves a kernel is always its last.

A loop that is full is cut back to its waist, the last point where a single value entered it. Cut
elsewhere, it would leave several values that two kernels read, each of which needs its own kernel.
"""

from __future__ import annotations

import heapq

from ....dialects.control import ControlOp
from ....dialects.core.ir import Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.indexing import Gather
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.movement.slicing import Slice
from ....dialects.roots import Root
from ..widen_concats import cuts_reach_an_edge
from .attention_layouts import producer_refusal
from .clusters import Cluster, ClusterPlan, is_clusterable, shape_text
from .prologues import Prologues
from .recompute import Evaluations, taps
from .record import CONTROLLED, ELIDE_CONCAT, Recorder, Refusal, too_large
from .rows import row_producer_refusal

PRODUCER_RULES = {
    "contraction-prologue": "conv or matmul(elementwise or gather of rows(x)) => computed while x is loaded",
    "epilogue-operand": "add(conv or matmul, elementwise(x)) => computed in the epilogue that adds it",
    "row-producer": "row-wise(elementwise(x)) => computed while the row is read",
    "row-lookup": "row-wise(gather of rows(x)) => looked up while the row is read",
    "loop-elementwise": "op(elementwise(x)) => computed where it is read",
    "loop-movement": "op(transpose, slice, concat, pad, gather...(x)) => x is read at the moved index",
    "loop-reshape": "op(reshape(x)) between movements => x is read at the reshaped index",
}

OUTPUT = Refusal("its result is an output")
READ = Refusal("custom and recurrent ops read their operands from memory")
RULE_OF_ROOT = {
    Root.ROW: "row-producer",
    Root.CONTRACTION: "contraction-prologue",
    Root.ATTENTION: "attention-operand",
}
ENDED = Refusal("the kernel is full, and was cut where a single value enters it")


class ProducerFusion:
    """Assigns every op that forward fusion left free to a cluster."""

    def __init__(self, plan: ClusterPlan, recorder: Recorder, limit: int, prologues: Prologues) -> None:
        self._plan = plan
        self._recorder = recorder
        self._limit = limit
        self._prologues = prologues
        self._evaluations = Evaluations(plan)
        self._waiting: list[tuple[int, Operation]] = []

    def run(self) -> None:
        """Visit all free ops, last to first."""
        for cluster in self._plan.clusters:
            if cluster.root is Root.LOOP:
                self._recount(cluster)
                for op in cluster.ops:
                    self._enter(cluster, op)
        for op in self._plan.order:
            if self._plan.free(op):
                self._wait(op)
        while self._waiting:
            self._place(heapq.heappop(self._waiting)[1])

    def _wait(self, op: Operation) -> None:
        heapq.heappush(self._waiting, (-self._plan.order[op], op))

    def _place(self, op: Operation) -> None:
        """Fuse OP into the kernel of its consumers or open one for it, and record the decision."""
        users = op.result.users
        cluster = self._plan.owner.get(users[0]) if users else None
        refusal = self._refusal(op, users, cluster)
        if cluster is not None and refusal is None:
            self._join(cluster, op, users)
        elif cluster is None or refusal is None or not self._end_at_waist(cluster, op, refusal):
            self._open(op, users, refusal)

    def _join(self, cluster: Cluster, op: Operation, users: list[Operation]) -> None:
        pairs = [(op, user) for user in users]
        self._recorder.joined(self._rule(op, cluster), pairs, "computed where it is read")
        if self._after_seed(op, cluster):
            cluster.beside.add(op)
        if cluster.pending == {op}:
            cluster.waist = len(cluster.ops)
        self._plan.add(cluster, op)
        if cluster.root is Root.LOOP:
            self._evaluations.join(cluster, op)
        self._enter(cluster, op)

    def _open(self, op: Operation, users: list[Operation], refusal: Refusal | None) -> None:
        """Open a loop kernel for OP, which cannot be fused into its USERS."""
        for user in users:
            owner = self._plan.owner.get(user)
            if refusal is not None:
                self._recorder.refused(self._rule(op, owner), op, user, refusal)
            if owner is not None:
                owner.pending.discard(op)
        cluster = self._plan.open(Root.LOOP, op)
        self._evaluations.begin(cluster, op)
        self._enter(cluster, op)

    def _enter(self, cluster: Cluster, op: Operation) -> None:
        """Note that OP is in CLUSTER now, so that its producers may join next."""
        cluster.pending.discard(op)
        for value in op.inputs:
            if value.producer is not None and self._plan.free(value.producer):
                cluster.pending.add(value.producer)

    def _refusal(self, op: Operation, users: list[Operation], cluster: Cluster | None) -> Refusal | None:
        if any(not is_clusterable(user) for user in users):
            return CONTROLLED if any(isinstance(user, ControlOp) for user in users) else OUTPUT
        owners = {self._plan.owner.get(user) for user in users}
        if cluster is None or len(owners) > 1:
            return Refusal("its result is read by several kernels", {"kernels": len(owners)})
        if cluster.closed:
            return ENDED
        full = too_large(cluster, op, self._limit)
        if full is not None:
            return full
        off = self._recorder.leader_off(cluster, op) or self._recorder.rule_off(self._rule(op, cluster))
        return off or self._legality(op, cluster)

    def _after_seed(self, op: Operation, cluster: Cluster | None) -> bool:
        """True when only the epilogue of a contraction's CLUSTER reads OP."""
        if cluster is None or cluster.root is not Root.CONTRACTION:
            return False
        seed = self._plan.order[cluster.seed]
        return all(user in cluster.beside or self._plan.order[user] > seed for user in op.result.users)

    def _rule(self, op: Operation, cluster: Cluster | None) -> str:
        """The name of the rule that would put OP into CLUSTER."""
        root = cluster.root if cluster is not None else Root.LOOP
        if self._after_seed(op, cluster):
            return "epilogue-operand"
        if root is Root.ROW and isinstance(op, Gather):
            return "row-lookup"
        if root in RULE_OF_ROOT:
            return RULE_OF_ROOT[root]
        if isinstance(op, Reshape):
            return "loop-reshape"
        return "loop-movement" if has(op, Trait.MOVEMENT) else "loop-elementwise"

    def _legality(self, op: Operation, cluster: Cluster) -> Refusal | None:
        if cluster.root.sealed:
            return READ
        if cluster.root is Root.ROW:
            return row_producer_refusal(cluster, op)
        if cluster.root is Root.ATTENTION:
            return producer_refusal(op)
        if self._after_seed(op, cluster):
            return epilogue_operand_refusal(cluster, op)
        if cluster.root is Root.CONTRACTION:
            return self._prologues.refusal(cluster, op)
        if taps(op) != 1.0:
            return Refusal(f"{op.name} reads many elements for each one it produces")
        if isinstance(op, Concat) and self._is_placed(op):
            return Refusal("the producers of its operands can write them in place, as parts of the result")
        return self._evaluations.refusal(cluster, op, self._limit)

    def _is_placed(self, concat: Concat) -> bool:
        """True when other kernels store all parts of CONCAT anyway, and can write them in place."""
        if self._recorder.is_off(ELIDE_CONCAT) or not cuts_reach_an_edge(concat):
            return False
        makers = [self._maker(part, concat) for part in concat.parts]
        contractions = (maker for maker in makers if maker is not None and maker.root is Root.CONTRACTION)
        leaders = {type(maker.seed) for maker in contractions}
        # Convolutions and matrix products store their results in different layouts.
        return None not in makers and len(leaders) <= 1

    def _maker(self, part: Value, concat: Concat) -> Cluster | None:
        """The kernel that can write PART in place into CONCAT; None when there is none.

        PART must belong to no other concat and be no output, and the kernel must be of a kind that can
        write into part of a larger tensor.
        """
        elsewhere = [user for user in part.users if user is not concat]
        if any(isinstance(user, Concat) or has(user, Trait.TERMINATOR) for user in elsewhere):
            return None
        made = part.producer.x.producer if isinstance(part.producer, Slice) else part.producer
        owner = None if made is None or has(made, Trait.MOVEMENT) else self._plan.owner.get(made)
        if made is None or owner is None or self._recorder.barrier_among([(made, concat)]) is not None:
            return None
        return owner if owner.root in (Root.CONTRACTION, Root.LOOP) else None

    # ------------------------------------------------------------ full kernels

    def _end_at_waist(self, cluster: Cluster, op: Operation, refusal: Refusal) -> bool:
        """Cut a full CLUSTER back to its waist and release the ops that joined since; True when it did.

        False when cutting gains nothing: the cluster is at its waist already, or would become too small.
        """
        small = cluster.waist < self._limit // 2
        if not refusal.full or cluster.root is not Root.LOOP or cluster.pending == {op} or small:
            return False
        for released in list(cluster.ops)[cluster.waist :]:
            self._plan.remove(released)
            self._recorder.forget(released)
            self._wait(released)
        cluster.closed = True
        cluster.pending.clear()
        self._recount(cluster)
        self._wait(op)
        return True

    def _recount(self, cluster: Cluster) -> None:
        backwards = sorted(cluster.ops, key=self._plan.order.__getitem__, reverse=True)
        self._evaluations.recount(cluster, backwards)


def epilogue_operand_refusal(cluster: Cluster, op: Operation) -> Refusal | None:
    """Why OP cannot compute an epilogue operand of CLUSTER; None when it can.

    An elementwise op of the contraction's shape is computed once per element wherever it runs.
    """
    if not has(op, Trait.ELEMENTWISE):
        return Refusal(f"{op.name} is not elementwise")
    if op.result.type.shape != cluster.seed.result.type.shape:
        figures = {"shape": shape_text(op.result.type.shape)}
        return Refusal("its shape differs from that of the contraction's result", figures)
    return None
