"""Fusion of data movement into attention: its operands and its result become strided views.

Splitting and merging heads (reshape, transpose) and slicing q, k and v out of one tensor only change
where elements lie, so an attention kernel reads and writes them with strides. Movement that strides
cannot express stays outside; so do reshapes at the edge, which are views between kernels. The result may be
rounded to eight bits on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ....codegen.interface import Strided, step_of
from ....dialects.core.ir import Operation, Value
from ....dialects.core.types import ROW_MAJOR
from ....dialects.fused import FusedKernel
from ....dialects.graph.attention import Attention
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.movement.reshape import Reshape, Transpose
from ....dialects.graph.movement.slicing import Slice
from ....dialects.roots import Root
from .clusters import Cluster, ClusterPlan
from .record import Recorder, Refusal

OPERAND = "attention-operand"
RESULT = "attention-result"
ATTENTION_RULES = {
    OPERAND: "attention(transpose, reshape, slice(x)) => x is read as a strided view",
    RESULT: "transpose, reshape, quantize(attention(x)) => written as a strided view, in eight bits",
}
REASON = "attention reads and writes strided views"
SEVERAL = Refusal("its result is read by several kernels")
MOVES = Refusal("strides cannot express it")

VIEWS = (Transpose, Reshape, Slice, Expand)

Step = Callable[[Strided, Operation], Strided | None]


def absorb_movement(plan: ClusterPlan, recorder: Recorder) -> None:
    """Absorb the movement around every attention in PLAN into its cluster."""
    for cluster in plan.clusters:
        if cluster.root is Root.ATTENTION:
            for value in dict.fromkeys(cluster.seed.inputs):
                _absorb_operand(plan, recorder, cluster, value)
            _absorb_result(plan, recorder, cluster)


def multiplied(op: Operation) -> set[Value]:
    """The values that a contraction or an attention multiplies: its operands without the mask, and the
    values in the same kernel that these are views of."""
    found: set[Value] = set()
    for value in op.inputs[:3]:
        found.add(value)
        while isinstance(value.producer, VIEWS):
            value = value.producer.inputs[0]
            found.add(value)
    return found


def masks_of(kernel: FusedKernel) -> list[Value]:
    """The operands of KERNEL that are attention masks.

    They keep their type: the number that stands for minus infinity may exceed the range of a narrower one.
    """
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
    """Why OP cannot be a producer inside an attention kernel: no arithmetic can."""
    return Refusal(f"attention reads its operands from memory, and {op.name} is no strided view")


def _absorb_operand(plan: ClusterPlan, recorder: Recorder, cluster: Cluster, value: Value) -> None:
    """Absorb the movement that produces VALUE, from the attention outwards."""
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
    """True when every operand of CLUSTER's attention is a strided view, with MORE absorbed.

    All operands are checked, since one op may lead to several of them.
    """
    inside = {*cluster.ops, *more}
    return all(_is_view(value, inside) for value in cluster.seed.inputs)


def _is_view(value: Value, inside: Collection[Operation]) -> bool:
    """True when VALUE is a strided view of the tensor that the ops INSIDE compute it from."""
    ops: list[Operation] = []
    while (op := value.producer) is not None and op in inside:
        ops.append(op)
        value = op.inputs[0]
    return _reaches(ops[::-1], _dense(value), Strided.through)


def _absorb_result(plan: ClusterPlan, recorder: Recorder, cluster: Cluster) -> None:
    """Absorb the movement of the result, from the attention outwards, while each value has one consumer."""
    attention = cluster.seed
    chain: list[Operation] = []
    value = attention.result
    while len(value.users) == 1:
        op = value.users[0]
        if not isinstance(op, (Transpose, Reshape)) and not step_of(op):
            break
        refusal = _refusal(recorder, RESULT, recorder.follower_off(cluster, op))
        if not plan.free(op) or refusal is not None:
            recorder.refused(RESULT, attention, op, refusal or SEVERAL)
            break
        chain.append(op)
        value = op.result
    kept = _longest(chain, _is_written)
    for op in chain[:kept]:
        source = op.inputs[0].producer
        assert source is not None
        plan.add(cluster, op)
        recorder.joined(RESULT, [(source, op)], REASON)
    _refuse_rest(recorder, RESULT, chain, kept)


def _is_written(ops: Sequence[Operation]) -> bool:
    """Whether strides express where a kernel writes its result that ends with OPS, at most one of which
    rounds to eight bits."""
    moves = [op for op in reversed(ops) if not step_of(op)]
    return len(ops) - len(moves) < 2 and _reaches(moves, _dense(ops[-1].result), Strided.behind)


def _refusal(recorder: Recorder, rule: str, apart: Refusal | None) -> Refusal | None:
    return apart or recorder.rule_off(rule)


def _longest(chain: Sequence[Operation], legal: Callable[[Sequence[Operation]], bool]) -> int:
    """The length of the longest LEGAL prefix of CHAIN, from the attention on, that ends in no reshape."""
    for count in range(len(chain), 0, -1):
        if not isinstance(chain[count - 1], Reshape) and legal(chain[:count]):
            return count
    return 0


def _reaches(ops: Sequence[Operation], view: Strided, step: Step) -> bool:
    """True when VIEW, taken through OPS by STEP one after the other, stays expressible by strides."""
    for op in ops:
        found = step(view, op)
        if found is None:
            return False
        view = found
    return True


def _dense(value: Value) -> Strided:
    return Strided.of(value.type.with_layout(ROW_MAJOR))


def _refuse_rest(recorder: Recorder, rule: str, chain: Sequence[Operation], kept: int) -> None:
    """Record the ops of CHAIN that stay outside, except reshapes, which are views there."""
    for op in chain[kept:]:
        if not isinstance(op, Reshape):
            neighbour = op.result.users[0] if rule == OPERAND else op.inputs[0].producer
            assert neighbour is not None
            pair = (op, neighbour) if rule == OPERAND else (neighbour, op)
            recorder.refused(rule, *pair, MOVES)
