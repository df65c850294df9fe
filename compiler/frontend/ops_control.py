"""Importers of If and Loop: folded or unrolled where the control flow is known, else with regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from onnx import GraphProto

from ...dialects.core.affine import Dim, symbol
from ...dialects.core.affine_traversal import symbols
from ...dialects.core.dtypes import BOOL, I64
from ...dialects.core.ir import Value
from ...dialects.core.sizes.outcomes import Conflict, Resized
from ...dialects.core.sizes.values import closure
from ...dialects.graph.binary import Min
from ...dialects.graph.constants import Constant, Dims
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.reshape import Reshape
from .bag_loops import bags_of_loop
from .call import Call, Outcome
from .contents import SIZE, unmoved
from .either_rank import EitherRank
from .frame import LOST_SIZES
from .loops import Count, Step, loop
from .merging import MERGED_BRANCHES, merged
from .ops_constant import range_size
from .problems import Malformed, Refused
from .regions import branch
from .table import Table
from .tensor import Lost, Tensor
from .trip_counts import WHAT, is_the_truth_of, quotient

FOLDED_BRANCH = "folded-branch"
UNROLLED_LOOP = "unrolled-loop"
SUMMARIES = {
    MERGED_BRANCHES: "an If whose branches give sizes that depend on data => both run, then a choice",
    FOLDED_BRANCH: "an If whose condition is known when compiling => the branch that is taken",
    UNROLLED_LOOP: "a Loop of few iterations, whose shapes depend on the iteration => all of them, unrolled",
}

MAX_UNROLLED = 64  # the most iterations of a loop that is unrolled because a loop op cannot express it
ENDLESS = 2**31  # a larger trip count is no limit: exporters write the largest integer for "while"


# ---------------------------------------------------------------- If


def _if(call: Call) -> Outcome:
    condition = scalar(call, call.input(0), "the condition")
    graphs = [call.graph("then_branch"), call.graph("else_branch")]
    if condition.data is not None:
        taken = bool(condition.data)
        call.builder.remark(FOLDED_BRANCH, f"its condition is always {str(taken).lower()}")
        return call.subgraphs.run(graphs[0] if taken else graphs[1], (), part=True)
    sizes = _sizes_behind(call.builder.value(condition))
    counted = call.builder.sizes_known.counted
    by_data = not sizes or any(counted.within(symbol(name)) for name in sizes)
    try:
        return _by_data(call, condition, graphs) if by_data else _by_sizes(call, condition, graphs, sizes)
    except LostNode:
        return [LOST_SIZES] * call.output_count


def _branches(call: Call, condition: Tensor, graphs: Sequence[GraphProto], counted: bool = True) -> Outcome:
    return branch(call.builder, condition, [partial(outputs_of, call, graph) for graph in graphs], counted)


def _by_data(call: Call, condition: Tensor, graphs: Sequence[GraphProto]) -> Outcome:
    """The results of an If with a data-dependent condition: of one branch, or of both if their sizes depend
    on data.

    More is then known about such a size outside, for example that it is 0 where the number of boxes is.
    """
    try:
        with call.builder.attempt():
            return _branches(call, condition, graphs, counted=False)
    except LostNode:
        raise
    except Refused:
        with call.builder.attempt():
            return merged(call, condition, [partial(outputs_of, call, graph) for graph in graphs])


def _by_sizes(call: Call, condition: Tensor, graphs: Sequence[GraphProto], sizes: set[str]) -> Outcome:
    """The results of an If whose condition depends on the symbols SIZES.

    Requirements of a branch on sizes are not requirements of the model then, so a branch must have none.
    """
    known = call.builder.sizes_known
    before = known.snapshot()[2]
    free = closure(sizes, call.builder.module) - call.builder.module.derived.keys()
    named = ", ".join(sorted(free))
    try:
        results = _branches(call, condition, graphs)
    except LostNode:
        raise
    except (Resized, Conflict):
        reason = "its branches need other sizes"
    except Refused as error:
        reason = str(error)
    else:
        if known.snapshot()[2] == before:
            return results
        reason = "its branches need other sizes"
    raise Refused(f"which branch is taken depends on the sizes {named}: give them fixed values; {reason}")


def _sizes_behind(condition: Value) -> set[str]:
    """The symbols that CONDITION is computed from; none if it depends on data."""
    found: set[str] = set()
    pending, seen = [condition], {condition}
    while pending:
        op = pending.pop().producer
        if op is None or op.regions:
            return set()
        if isinstance(op, Dims):
            found |= {name for value in op.values for name in symbols(value)}
        fresh = [value for value in op.inputs if value not in seen]
        seen.update(fresh)
        pending += fresh
    return found


# ---------------------------------------------------------------- Loop


class LostNode(Refused):
    """A subgraph has an unsupported node, which is already recorded."""


def outputs_of(call: Call, graph: GraphProto, inputs: Sequence[Tensor] = ()) -> list[Tensor]:
    """The outputs of GRAPH. Raises LostNode if an unsupported node would compute one."""
    found = call.subgraphs.run(graph, inputs)
    if any(isinstance(tensor, Lost) for tensor in found):
        raise LostNode
    if any(isinstance(tensor, EitherRank) for tensor in found):
        raise Refused("a branch inside of it decides the rank of its result")
    return found


@dataclass(frozen=True)
class _Loop:
    """A Loop node.

    limit: the most iterations; most: a bound of a limit on the device; condition: that of the first
    iteration, if it depends on data; true: the value that the body reads as its condition.
    """

    call: Call
    graph: GraphProto
    limit: Count
    most: Dim | None
    condition: Tensor | None
    true: Tensor
    initial: list[Tensor]

    def step(self, iteration: Tensor, carried: Sequence[Tensor]) -> Step:
        """One iteration. The body reads a true condition, because the iteration runs."""
        more, *rest = outputs_of(self.call, self.graph, [iteration, self.true, *carried])
        count = len(self.initial)
        return Step(rest[:count], rest[count:], scalar(self.call, more, "the condition of its body"))


def _loop(call: Call) -> Outcome:
    bags = bags_of_loop(call, call.graph("body"))
    if bags is not None:
        return bags
    node, offenders = _node(call), call.subgraphs.offenders
    known = len(offenders)
    try:
        with call.builder.attempt():
            return loop(call.builder, node.limit, node.condition, node.initial, node.step, node.most)
    except Refused as error:
        refusal, reasons = error, offenders[known:]
    del offenders[known:]
    try:
        with call.builder.attempt():
            return _unrolled(node)
    except Refused:
        offenders[known:] = reasons
    if isinstance(refusal, LostNode):
        return [LOST_SIZES] * call.output_count
    raise refusal


def _node(call: Call) -> _Loop:
    graph, condition = call.graph("body"), call.optional(1)
    initial = [call.input(index) for index in range(2, len(call.inputs))]
    limit, most = _limit(call, stacks=len(graph.output) > len(initial) + 1)
    if len(graph.input) != len(initial) + 2 or len(graph.output) < len(initial) + 1:
        raise Malformed(f"its body does not fit {len(initial)} carried values")
    true = call.constant(True, BOOL)
    if condition is not None:
        true = call.constant(np.ones((1,) * condition.rank), BOOL)
    if condition is not None and _follows_from_the_trip_count(call, condition):
        condition = None
    if condition is not None:
        condition = scalar(call, condition, "the condition")
        if condition.data is not None:
            limit = limit if bool(condition.data) else 0
            condition = None
    return _Loop(call, graph, limit, most, condition, true, initial)


def _follows_from_the_trip_count(call: Call, condition: Tensor) -> bool:
    trip = call.optional(0)
    if trip is None or trip.value is None or condition.value is None:
        return False
    return is_the_truth_of(condition.value, trip.value)


def _limit(call: Call, stacks: bool) -> tuple[Count, Dim | None]:
    """The most iterations of a Loop, and a bound of them if they are a scalar on the device.

    STACKS: it has scan outputs, which need a bound. Raises Unread if the content of an input gives the
    iterations.
    """
    given = call.optional(0)
    if given is None:
        return None, None
    trip = scalar(call, given, "the trip count")
    if trip.data is None and trip.sizes is None:
        most = _largest(trip)
        if stacks and most is None:
            found = quotient(call.builder, call.builder.value(trip))
            if found is not None:
                return range_size(call, 0, *found), None
            call.builder.known_dims(trip, WHAT, [SIZE])
        return trip, most
    (count,) = call.builder.known_dims(trip, "the trip count")
    if isinstance(count, int) and count >= ENDLESS:
        return None, None
    return call.builder.sizes_known.derive("max", count, 0), None


def _largest(number: Tensor) -> Dim | None:
    """A bound of the scalar NUMBER: a constant or size of which it is the minimum; None if there is none."""
    value = None if number.value is None else unmoved(number.value)
    if value is None or not isinstance(value.producer, Min):
        return None
    makers = [unmoved(each).producer for each in value.producer.inputs]
    sizes = [each.values[0] for each in makers if isinstance(each, Dims)]
    return next(iter([int(each.array()) for each in makers if isinstance(each, Constant)] + sizes), None)


def _unrolled(node: _Loop) -> list[Tensor]:
    """NODE as its iterations, one after the other. Raises Refused unless their number is known and small."""
    call, limit = node.call, node.limit
    if node.condition is not None or not (limit is None or isinstance(limit, int)):
        raise Refused("how many iterations there are depends on data")
    carried, rows = list(node.initial), list[Sequence[Tensor]]()
    going = limit is None or limit > 0
    while going:
        if len(rows) == MAX_UNROLLED:
            raise Refused(f"there are more than {MAX_UNROLLED} iterations")
        step = node.step(call.constant(len(rows), I64), carried)
        if step.more is None or step.more.data is None:
            raise Refused("how many iterations there are depends on data")
        carried = list(step.carried)
        rows.append(step.elements)
        going = bool(step.more.data) and (limit is None or len(rows) < limit)
    if not rows and len(node.graph.output) > len(carried) + 1:
        raise Refused("the shape of an element of its scan outputs is not known")
    reason = f"its {len(rows)} iterations all run, but give scan outputs of several shapes"
    call.builder.remark(UNROLLED_LOOP, reason)
    return [*carried, *(_stacked(call, column) for column in zip(*rows, strict=True))]


def _stacked(call: Call, elements: Sequence[Tensor]) -> Tensor:
    rows = [call.emit(Reshape, each, shape=(1, *each.shape)) for each in elements]
    return call.emit(Concat, *rows, axis=0)


def scalar(call: Call, tensor: Tensor, what: str) -> Tensor:
    """TENSOR, which has one element, without dimensions. Raises Malformed, about WHAT, for more elements."""
    if tensor.rank == 0:
        return tensor
    if isinstance(tensor.type.elements, int) and tensor.type.elements != 1:
        raise Malformed(f"{what} has {tensor.type.elements} elements")
    return call.emit(Reshape, tensor, shape=())


TABLE: Table = {"If": [(1, _if)], "Loop": [(1, _loop)]}
