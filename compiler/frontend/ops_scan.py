"""The importer of Scan: a loop whose iterations index the scan inputs by the iteration number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from onnx import GraphProto

from ...dialects.core.affine import Dim
from ...dialects.graph.binary import Sub
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.reshape import Reshape, Transpose
from .call import Call, Outcome
from .frame import LOST_SIZES
from .loops import Step, loop, reversed_steps
from .ops_control import LostNode, outputs_of
from .problems import Malformed, Refused
from .table import Table
from .tensor import Tensor


@dataclass(frozen=True)
class _Scan:
    """A Scan node: its body, the number of scan inputs, and the axis and direction of each scan input and
    output."""

    call: Call
    graph: GraphProto
    scanned: int
    input_axes: tuple[int, ...]
    output_axes: tuple[int, ...]
    input_reverse: tuple[bool, ...]
    output_reverse: tuple[bool, ...]

    def run(self, states: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
        """The final states and the scan outputs for STATES and the scan INPUTS."""
        call = self.call
        axes = [call.axis(axis, x.rank) for axis, x in zip(self.input_axes, inputs, strict=True)]
        count = inputs[0].shape[axes[0]]
        for x, axis in zip(inputs, axes, strict=True):
            call.require_equal(x.shape[axis], count, "all scan inputs have as many elements")

        def step(iteration: Tensor, carried: list[Tensor]) -> Step:
            elements = [
                call.emit(Gather, x, self._place(iteration, count, backwards), axis=axis)
                for x, axis, backwards in zip(inputs, axes, self.input_reverse, strict=True)
            ]
            found = outputs_of(call, self.graph, [*carried, *elements])
            return Step(found[: len(states)], found[len(states) :])

        results = loop(call.builder, count, None, states, step)
        scans = zip(results[len(states) :], self.output_axes, self.output_reverse, strict=True)
        return [*results[: len(states)], *(self._output(*each) for each in scans)]

    def _place(self, iteration: Tensor, count: Dim, backwards: bool) -> Tensor:
        """The position of the element that ITERATION reads, of COUNT elements."""
        if not backwards:
            return iteration
        last = self.call.emit(Reshape, self.call.builder.dims([count - 1]), shape=())
        return self.call.emit(Sub, last, iteration)

    def _output(self, stacked: Tensor, axis: int, backwards: bool) -> Tensor:
        """The scan output with the elements of STACKED, which has them along axis 0."""
        if backwards:
            stacked = reversed_steps(self.call.builder, stacked)
        to = self.call.axis(axis, stacked.rank)
        perm = list(range(1, stacked.rank))
        perm.insert(to, 0)
        return stacked if to == 0 else self.call.emit(Transpose, stacked, perm=perm)


def _scan(call: Call) -> Outcome:
    node, inputs = _node(call, call.all_inputs()), call.all_inputs()
    split = len(inputs) - node.scanned
    try:
        return node.run(inputs[:split], inputs[split:])
    except LostNode:
        return [LOST_SIZES] * call.output_count


def _node(call: Call, inputs: Sequence[Tensor]) -> _Scan:
    """The node of CALL, with INPUTS: states, then scan inputs."""
    graph, scanned = call.graph("body"), call.integer("num_scan_inputs", 0)
    states = len(inputs) - scanned
    if not 1 <= scanned <= len(inputs) or len(graph.input) != len(inputs) or len(graph.output) < states:
        raise Malformed(f"its body does not fit {len(inputs)} inputs, {scanned} of them scanned")
    outputs = len(graph.output) - states
    return _Scan(
        call,
        graph,
        scanned,
        _numbers(call, "scan_input_axes", scanned),
        _numbers(call, "scan_output_axes", outputs),
        _ways(call, "scan_input_directions", scanned),
        _ways(call, "scan_output_directions", outputs),
    )


def _numbers(call: Call, name: str, count: int) -> tuple[int, ...]:
    given = call.ints(name) or (0,) * count
    if len(given) != count:
        raise Malformed(f"the attribute '{name}' has {len(given)} numbers, {count} are expected")
    return given


def _ways(call: Call, name: str, count: int) -> tuple[bool, ...]:
    """For each of COUNT tensors, whether it is scanned backwards, from the attribute NAME."""
    given = _numbers(call, name, count)
    if not set(given) <= {0, 1}:
        raise Malformed(f"the attribute '{name}' is {list(given)}, only 0 and 1 are directions")
    return tuple(number == 1 for number in given)


def _scan_of_batches(call: Call) -> Outcome:
    """Scan until opset 8: every sequence of a batch is scanned separately, along its second dimension."""
    if call.optional(0) is not None:
        raise Refused("sequence lengths of a Scan are not supported")
    inputs = [call.input(index) for index in range(1, len(call.inputs))]
    plain = _node(call, inputs)
    node = replace(plain, input_reverse=_ways(call, "directions", plain.scanned))
    split, batch = len(inputs) - node.scanned, inputs[0].shape[0]
    for x in inputs:
        call.require_equal(x.shape[0], batch, "all inputs have as many sequences")

    def sequence(iteration: Tensor, carried: list[Tensor]) -> Step:
        own = [call.emit(Gather, x, iteration, axis=0) for x in inputs]
        return Step([], node.run(own[:split], own[split:]))

    try:
        return loop(call.builder, batch, None, [], sequence)
    except LostNode:
        return [LOST_SIZES] * call.output_count


TABLE: Table = {"Scan": [(8, _scan_of_batches), (9, _scan)]}
