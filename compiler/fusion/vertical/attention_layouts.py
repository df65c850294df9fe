"""Attention takes in how its operands are cut from projections and how its heads are put together.

Splitting heads and merging them (reshape, transpose), and cutting q, k and v out of one tensor
(slice), only change where elements lie: a kernel for attention does it by strides. What strides
cannot say stays outside, and so do reshapes at the edge, which are views between kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ....codegen.interface import Strided, strided, view_behind, view_through
from ....dialects.core.ir import Operation, Value
from ....dialects.core.types import ROW_MAJOR
from ....dialects.fused import FusedKernel
from ....dialects.graph.attention import Attention
from ....dialects.graph.movement import Expand, Reshape, Slice, Transpose
from .clusters import Cluster, ClusterPlan
from .record import Recorder, Refusal

ROOT = "attention"
OPERAND = "attention-operand"
RESULT = "attention-result"
ATTENTION_RULES = {
    OPERAND: "attention(transpose, reshape, slice(x)) => x is read by strides",
    RESULT: "transpose, reshape(attention(x)) => the result is written by strides",
}
REASON = "attention reads and writes by strides"
SEVERAL = Refusal("its result is read by several kernels")
MOVES = Refusal("no strides say what it does")

VIEWS = (Transpose, Reshape, Slice, Expand)

Step = Callable[[Operation, Strided], Strided | None]


def open_attention(plan: ClusterPlan, recorder: Recorder) -> None:
    """A cluster for every attention of PLAN, with the movement around it."""
    for op in plan.order:
        if isinstance(op, Attention) and plan.free(op):
            cluster = plan.open(ROOT, op)
            for value in dict.fromkeys(op.inputs):
                _absorb_operand(plan, recorder, cluster, value)
            _absorb_result(plan, recorder, cluster)


def multiplied(op: Operation) -> set[Value]:
    """What a contraction or an attention multiplies: its operands without a mask, and what these are
    views of within the same kernel."""
    found: set[Value] = set()
    for value in op.inputs[:3]:
        found.add(value)
        while isinstance(value.producer, VIEWS):
            value = value.producer.inputs[0]
            found.add(value)
    return found


def masks_of(kernel: FusedKernel) -> list[Value]:
    """The values that KERNEL reads as masks of attention: they keep their type, since what stands for
    minus infinity in it may be beyond the range of a shorter one."""
    outside = dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))
    masks = []
    for op in kernel.body.block:
        value = op.mask if isinstance(op, Attention) else None
        while value is not None and isinstance(value.producer, VIEWS):
            value = value.producer.inputs[0]
        if value is not None and value in outside:
            masks.append(outside[value])
    return masks


def producer_refusal(op: Operation) -> Refusal:
    """Why nothing else is computed in an attention kernel."""
    return Refusal(f"attention reads its operands from memory, and {op.name} has no strides")


def _absorb_operand(plan: ClusterPlan, recorder: Recorder, cluster: Cluster, value: Value) -> None:
    """Take in the movement that leads to VALUE, nearest first."""
    chain: list[Operation] = []
    inside = set(cluster.ops)
    while (op := value.producer) is not None and isinstance(op, VIEWS) and plan.free(op):
        refusal = _refusal(recorder, OPERAND, recorder.leader_off(cluster, op))
        if refusal is None and not set(value.users) <= inside:
            refusal = SEVERAL
        if refusal is not None:
            recorder.refused(OPERAND, op, value.users[0], refusal)
            break
        chain.append(op)
        inside.add(op)
        value = op.inputs[0]
    kept = _longest(chain, lambda ops: _all_are_views(cluster, ops))
    for op in chain[:kept]:
        plan.add(cluster, op)
        recorder.joined(OPERAND, [(op, user) for user in op.result.users], REASON)
    _refuse_rest(recorder, OPERAND, chain, kept)


def _all_are_views(cluster: Cluster, more: Sequence[Operation]) -> bool:
    """True when every operand of CLUSTER's attention is a view of what is read, with MORE taken in: an op
    that leads to several operands must be one on the way to each."""
    inside = {*cluster.ops, *more}
    return all(_is_view(value, inside) for value in cluster.seed.inputs)


def _is_view(value: Value, inside: Collection[Operation]) -> bool:
    """True when strides say how VALUE lies in what the ops INSIDE make it of."""
    ops: list[Operation] = []
    while (op := value.producer) is not None and op in inside:
        ops.append(op)
        value = op.inputs[0]
    return _reaches(ops[::-1], _dense(value), view_through)


def _absorb_result(plan: ClusterPlan, recorder: Recorder, cluster: Cluster) -> None:
    """Take in the movement of the result, nearest first, as long as nothing else reads what is between."""
    attention = cluster.seed
    chain: list[Operation] = []
    value = attention.result
    while len(value.users) == 1:
        op = value.users[0]
        if not isinstance(op, (Transpose, Reshape)):
            break
        refusal = _refusal(recorder, RESULT, recorder.follower_off(cluster, op))
        if not plan.free(op) or refusal is not None:
            recorder.refused(RESULT, attention, op, refusal or SEVERAL)
            break
        chain.append(op)
        value = op.result
    kept = _longest(chain, lambda ops: _reaches(ops[::-1], _dense(ops[-1].result), view_behind))
    for op in chain[:kept]:
        source = op.inputs[0].producer
        assert source is not None
        plan.add(cluster, op)
        recorder.joined(RESULT, [(source, op)], REASON)
    _refuse_rest(recorder, RESULT, chain, kept)


def _refusal(recorder: Recorder, rule: str, apart: Refusal | None) -> Refusal | None:
    return apart or recorder.rule_off(rule)


def _longest(chain: Sequence[Operation], legal: Callable[[Sequence[Operation]], bool]) -> int:
    """How much of CHAIN, from the attention on, is LEGAL and ends in no reshape."""
    for count in range(len(chain), 0, -1):
        if not isinstance(chain[count - 1], Reshape) and legal(chain[:count]):
            return count
    return 0


def _reaches(ops: Sequence[Operation], view: Strided, step: Step) -> bool:
    """True when the view of a dense tensor stays one through all of OPS."""
    for op in ops:
        found = step(op, view)
        if found is None:
            return False
        view = found
    return True


def _dense(value: Value) -> Strided:
    return strided(value.type.with_layout(ROW_MAJOR))


def _refuse_rest(recorder: Recorder, rule: str, chain: Sequence[Operation], kept: int) -> None:
    """Record what stays outside, but for views next to the kernel."""
    for op in chain[kept:]:
        if not isinstance(op, Reshape):
            neighbour = op.result.users[0] if rule == OPERAND else op.inputs[0].producer
            assert neighbour is not None
            pair = (op, neighbour) if rule == OPERAND else (neighbour, op)
            recorder.refused(rule, *pair, MOVES)
