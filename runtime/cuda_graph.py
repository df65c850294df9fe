"""Builds the graph of a program with control flow: captured segments, and conditional nodes between them.

A conditional node runs its body graphs by the value of a handle. A kernel, the setter, sets it from the
condition in memory: before the node and, in the body of a WHILE node, after each iteration. Edges into and
out of conditional nodes are full dependencies: the driver rejects programmatic ones. Source: CUDA driver API,
"Graph Management", cuGraphAddNode and CUDA_CONDITIONAL_NODE_PARAMS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..errors import DeviceError
from .cuda_call import Addresses, CudaCall, CudaCopy, issue_copies
from .cuda_device import CudaDevice, Handle
from .cuda_driver import DriverError
from .cuda_launch import RELAXED, Launcher
from .program import BoundBuffer
from .unroll import GraphPart, IfNode, Segment, WhileNode, graph_parts

_NOT_SUPPORTED = 801  # CUDA_ERROR_NOT_SUPPORTED
_NO_LIMIT = 2**63 - 1


class NoConditionalNodes(Exception):
    """The driver, or the plan, does not support conditional nodes."""


def build_graph(device: CudaDevice, launcher: Launcher, call: CudaCall, streams: Sequence[Any]) -> Handle:
    """The executable graph of CALL; STREAMS are used to capture its launches.

    Raises `NoConditionalNodes` if it needs conditional nodes and they are not supported.
    """
    graph = device.create("cuGraphDestroy", "cuGraphCreate", 0)
    try:
        builder = _GraphBuilder(device, launcher, call.addresses, streams)
        begun = builder.copied(graph.value, [], call.before)
        ends = builder.fill(graph.value, graph_parts(call.program), begun)
        builder.copied(graph.value, ends, call.after)
        return device.create("cuGraphExecDestroy", "cuGraphInstantiate", graph.value, 0)
    finally:
        graph.close()


class _GraphBuilder:
    """Adds parts to graphs; each part depends on the last nodes of the part before it."""

    def __init__(
        self, device: CudaDevice, launcher: Launcher, addresses: Addresses, streams: Sequence[Any]
    ) -> None:
        self._device = device
        self._call = device.driver.call
        self._api = device.driver.api
        self._launcher = launcher
        self._addresses = addresses
        self._streams = streams

    def copied(self, graph: Any, after: Sequence[Any], copies: Sequence[CudaCopy]) -> Sequence[Any]:
        """Add COPIES to GRAPH after the nodes AFTER; returns their last nodes."""
        if not copies:
            return after
        return self._captured(
            graph, after, lambda: issue_copies(self._device.driver, copies, self._streams[0])
        )

    def fill(self, graph: Any, parts: Sequence[GraphPart], after: Sequence[Any] = ()) -> Sequence[Any]:
        """Add PARTS to GRAPH after the nodes AFTER; returns their last nodes."""
        for part in parts:
            match part:
                case Segment():
                    after = self._captured(graph, after, partial(self._issue, part))
                case IfNode():
                    after = self._branch(graph, part, after)
                case WhileNode():
                    after = self._repeat(graph, part, after)
        return after

    def _issue(self, segment: Segment) -> None:
        self._launcher.issue_branches(segment.launches, self._addresses, self._streams)

    def _captured(self, graph: Any, after: Sequence[Any], issue: Callable[[], None]) -> list[Any]:
        """Add the launches of ISSUE to GRAPH, after the nodes AFTER; returns the last nodes."""
        stream = self._streams[0]
        mode = getattr(self._api.CUstreamCaptureMode, RELAXED)
        self._conditional("cuStreamBeginCaptureToGraph", stream, graph, list(after), None, len(after), mode)
        try:
            issue()
            _, _, _, last, _, count = self._call("cuStreamGetCaptureInfo", stream)
            ends = list(last[:count])
        except BaseException:
            self._launcher.abandon(stream, owned=False)
            raise
        self._call("cuStreamEndCapture", stream)
        return ends

    def _branch(self, graph: Any, part: IfNode, after: Sequence[Any]) -> list[Any]:
        handle = self._handle(graph)
        after = self._set(graph, after, handle, None, None, part.condition, 1, begins=True)
        kind = self._api.CUgraphConditionalNodeType.CU_GRAPH_COND_TYPE_IF
        bodies = [part.then, part.otherwise] if part.otherwise else [part.then]
        node, graphs = self._node(graph, after, handle, kind, len(bodies))
        for body, inner in zip(bodies, graphs, strict=True):
            self.fill(inner, body)
        return [node]

    def _repeat(self, graph: Any, part: WhileNode, after: Sequence[Any]) -> list[Any]:
        handle, loop = self._handle(graph), part.loop
        limits = (loop.counter, loop.trips, loop.condition, _NO_LIMIT if loop.bound is None else loop.bound)
        after = self._set(graph, after, handle, *limits, begins=True)
        kind = self._api.CUgraphConditionalNodeType.CU_GRAPH_COND_TYPE_WHILE
        node, (inner,) = self._node(graph, after, handle, kind, 1)
        self._set(inner, self.fill(inner, part.body), handle, *limits, begins=False)
        return [node]

    def _handle(self, graph: Any) -> Any:
        if not self._launcher.has_setter:
            raise NoConditionalNodes
        return self._conditional("cuGraphConditionalHandleCreate", graph, self._device.context, 0, 0)

    def _set(
        self,
        graph: Any,
        after: Sequence[Any],
        handle: Any,
        counter: BoundBuffer | None,
        trips: BoundBuffer | None,
        condition: BoundBuffer | None,
        bound: int,
        *,
        begins: bool,
    ) -> list[Any]:
        """Add the launch that sets HANDLE: whether to run a branch, or another iteration of a loop."""
        places = [0 if each is None else self._addresses.of(each) for each in (counter, trips, condition)]
        arguments = (int(handle), *places, bound, begins)
        return self._captured(graph, after, lambda: self._launcher.issue_setter(arguments, self._streams[0]))

    def _node(
        self, graph: Any, after: Sequence[Any], handle: Any, kind: Any, bodies: int
    ) -> tuple[Any, list[Any]]:
        """Add a conditional node; returns it and its empty body graphs, which it owns."""
        params = self._api.CUgraphNodeParams()
        params.type = self._api.CUgraphNodeType.CU_GRAPH_NODE_TYPE_CONDITIONAL
        params.conditional.handle = handle
        params.conditional.type = kind
        params.conditional.size = bodies
        params.conditional.ctx = self._device.context
        node = self._conditional("cuGraphAddNode", graph, list(after), None, len(after), params)
        return node, list(params.conditional.phGraph_out)

    def _conditional(self, function: str, *arguments: object) -> Any:
        """Call a driver function that supports conditional nodes. Raises `NoConditionalNodes` if the driver
        lacks it."""
        try:
            return self._call(function, *arguments)
        except DriverError as error:
            if error.code == _NOT_SUPPORTED:
                raise NoConditionalNodes from error
            raise
        except DeviceError as error:
            if isinstance(error.__cause__, (AttributeError, RuntimeError)):  # the bindings, or the library
                raise NoConditionalNodes from error
            raise
