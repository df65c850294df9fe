"""Runs programs on a GPU for one thread: one graph per shape and set of addresses, one graph launch per
run."""

from __future__ import annotations

import contextlib
import statistics
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..errors import DeviceError
from .cuda_binding import CudaBinding
from .cuda_call import CudaCall, issue_copies
from .cuda_device import CudaDevice, Handle
from .cuda_graph import NoConditionalNodes, build_graph
from .cuda_io import Transfers, placed_copy
from .cuda_launch import Launcher
from .cuda_walk import CudaMachine, read_buffer
from .cuda_workspace import Workspace
from .device import Array, LaunchRecord, Observer, Value
from .dlpack import ExternalTensor
from .manifest import Manifest
from .program import Program
from .walk import walk

MAX_GRAPHS = 16
MAX_MET = 256


class CudaSession:
    """One thread's streams, arena, staging memory and graphs; implements `device.Session`."""

    def __init__(
        self, device: CudaDevice, launcher: Launcher, manifest: Manifest, weights: int, debug: bool
    ) -> None:
        self._device = device
        self._call = device.driver.call
        self._launcher = launcher
        self._debug = debug
        self._reads_back = False  # reads conditions back if graphs have no conditional nodes
        self._graphs: OrderedDict[object, Handle] = OrderedDict()
        self._programs: set[object] = set()  # those that have had a graph
        self._met: OrderedDict[object, None] = OrderedDict()  # calls that had no graph when they came
        self._bound: weakref.WeakSet[Handle] = weakref.WeakSet()  # graphs of bindings
        self._space = Workspace(device, manifest)
        self._streams = self._space.streams
        fixed = (self._space.arena, weights, self._space.iterations)
        self._transfers = Transfers(device, manifest, self._streams[0], self._space.order, fixed)

    @property
    def stream(self) -> int | None:
        """Handle of the stream to which everything except bindings is issued."""
        return self._space.main

    def fetch(self, value: Value) -> Array:
        """The elements of an input; those in device memory are copied, after the work that the stream waits
        for."""
        with self._device.current():
            return self._transfers.fetched(value)

    def place(self, data: Array) -> ExternalTensor:
        """A copy of DATA in an allocation of its own; see `device.Session`."""
        with self._device.current():
            return placed_copy(self._device, data)

    def run(
        self,
        program: Program,
        inputs: Sequence[Value],
        outputs: Sequence[Value | None],
        on_device: bool,
        reuse: bool,
    ) -> list[object]:
        """One launch of a graph, which has the copies that the call needs, too, and one wait."""
        with self._space.running():
            call, targets = self._transfers.placed(program, inputs, outputs, on_device, reuse)
            self._start(call)
            self._space.synchronize()
            return self._transfers.results(targets)

    def bind(
        self, program: Program, inputs: Sequence[Value], outputs: Sequence[Value | None]
    ) -> tuple[CudaBinding, list[object]]:
        """Build a graph for these tensors alone; see `device.Session`."""
        with self._space.running():
            call, targets = self._transfers.placed(program, inputs, outputs, on_device=True)
            start, graph = self._starter(call)
            self._space.synchronize()
            results = self._transfers.results(targets)
        kept = (graph, inputs, outputs, targets)
        return CudaBinding(self._space, self._launcher, call, start, kept), results

    def _starter(self, call: CudaCall) -> tuple[Callable[[Any], object], Handle | None]:
        """The function that launches CALL on a stream, and its graph, if any."""
        if self._debug:
            return partial(self._walk_after, call), None
        try:
            graph = self._built(call)
        except NoConditionalNodes:
            raise DeviceError(
                "a plan with branches or loops cannot be bound: this driver, or this plan, has no means for "
                "graphs with conditional nodes",
                hint="use run(), which reads conditions back, or update the driver",
            ) from None
        self._bound.add(graph)
        self._call("cuGraphUpload", graph.value, self._streams[0])
        return partial(self._call, "cuGraphLaunch", graph.value), graph

    def _walk_after(self, call: CudaCall, stream: Any) -> None:
        """Run CALL launch by launch on the session's stream, ordered after STREAM."""
        if int(stream) != self._space.main:
            self._space.order.follow(self._streams[0], stream)
        self._walk(call, self._issue_and_wait)

    def trace(self, program: Program, inputs: Sequence[Value], observer: Observer) -> list[object]:
        """Run launch by launch without a graph; OBSERVER's reads are copied out while the device is idle."""
        with self._space.running():
            call, targets = self._transfers.placed(program, inputs, [None] * len(program.outputs), False)
            issue_copies(self._device.driver, call.before, self._streams[0])
            self._space.synchronize()

            def read(name: str) -> Array:
                return read_buffer(self._device.driver, program.buffers[name], call.addresses)

            def launch(index: int) -> None:
                observer.before(index, read)
                self._launcher.issue_and_wait(program.launches[index], call.addresses, self._streams[0])
                observer.after(index, read)

            walk(program.steps, self._machine(call, launch))
            issue_copies(self._device.driver, call.after, self._streams[0])
            self._space.synchronize()
            return self._transfers.results(targets)

    def profile(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[LaunchRecord]:
        """Replay a graph that records an event between consecutive launches, REPEATS times.

        Bodies of conditional nodes take no events: a program with control flow runs launch by launch.
        """
        samples: list[list[float]] = [[] for _ in program.launches]
        with self._space.running(), contextlib.ExitStack() as stack:
            call = self._scratch(program, inputs, stack)
            if program.straight:
                self._time_in_graph(call, samples, repeats, stack)
            else:
                self._time_one_by_one(call, samples, repeats, stack)
        return [
            LaunchRecord(launch.kernel, launch.op, statistics.median(times), launch.grid, launch.block)
            for launch, times in zip(program.launches, samples, strict=True)
        ]

    def time(self, program: Program, inputs: Sequence[Value], repeats: int, warmup: int) -> list[float]:
        """Queue all runs at once with an event around each, so that launch overhead on the CPU is hidden."""
        with self._space.running(), contextlib.ExitStack() as stack:
            call = self._scratch(program, inputs, stack)
            events = [(self._new_event(stack), self._new_event(stack)) for _ in range(repeats)]
            for _ in range(warmup):
                self._start(call)
            for begin, end in events:
                self._record(begin)
                self._start(call)
                self._record(end)
            self._space.synchronize()
            return [self._milliseconds(begin, end) for begin, end in events]

    def measure(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[float]:
        """Replay a graph that records an event before its launches and one after them."""
        with self._space.running(), contextlib.ExitStack() as stack:
            call = self._scratch(program, inputs, stack)
            begin, end = self._new_event(stack), self._new_event(stack)
            graph = self._launcher.capture_between(call, self._streams, begin, end)
            stack.callback(graph.close)
            times = []
            for _ in range(repeats + 1):
                self._call("cuGraphLaunch", graph.value, self._streams[0])
                self._space.synchronize()
                times.append(self._milliseconds(begin, end))
            return times[1:]

    def _time_in_graph(
        self, call: CudaCall, samples: Sequence[list[float]], repeats: int, stack: contextlib.ExitStack
    ) -> None:
        events = [self._new_event(stack) for _ in range(len(samples) + 1)]
        graph = self._launcher.capture_timed(call, self._streams[0], events)
        stack.callback(graph.close)
        for repeat in range(repeats + 1):
            self._call("cuGraphLaunch", graph.value, self._streams[0])
            self._space.synchronize()
            if repeat == 0:
                continue  # the first replay is the warm-up
            for times, begin, end in zip(samples, events, events[1:], strict=False):
                times.append(self._milliseconds(begin, end) * 1000)

    def _time_one_by_one(
        self, call: CudaCall, samples: Sequence[list[float]], repeats: int, stack: contextlib.ExitStack
    ) -> None:
        begin, end = self._new_event(stack), self._new_event(stack)

        def launch(index: int) -> None:
            self._record(begin)
            self._issue(call, index)
            self._record(end)
            self._space.synchronize()
            samples[index][-1] += self._milliseconds(begin, end) * 1000

        for _ in range(repeats + 1):
            for times in samples:
                times.append(0.0)
            walk(call.program.steps, self._machine(call, launch))
        for times in samples:
            del times[0]  # the first run is the warm-up

    def close(self) -> None:
        """Wait for pending work, then release everything in reverse order of creation."""
        if self._space.closed:
            return
        if self._space.under_way:
            with contextlib.suppress(DeviceError), self._device.current():
                self._space.synchronize()
        for graph in list(self._bound):
            graph.close()
        _drop_graphs(self._graphs, 0)
        self._transfers.close()
        self._space.close()

    def _scratch(self, program: Program, inputs: Sequence[Value], stack: contextlib.ExitStack) -> CudaCall:
        """A call for repeated runs whose results are discarded; its inputs are copied in before it."""
        call, targets = self._transfers.placed(program, inputs, [None] * len(program.outputs), True)
        stack.callback(targets.clear)  # which ends the leases of results
        issue_copies(self._device.driver, call.before, self._streams[0])
        return replace(call, before=())

    def _record(self, event: Handle) -> None:
        self._call("cuEventRecord", event.value, self._streams[0])

    def _start(self, call: CudaCall) -> None:
        """Start a call: one launch of its graph or, without graph, all of its launches."""
        if self._debug:
            self._walk(call, self._issue_and_wait)
            return
        if not self._reads_back:
            try:
                self._launch_graph(call)
                return
            except NoConditionalNodes:
                self._reads_back = True
        self._walk(call, self._issue)

    def _launch_graph(self, call: CudaCall) -> None:
        """Launch the graph of CALL. On addresses that are met for the first time, launch that on the
        session's own memory, between copies: these cost microseconds, and another graph milliseconds."""
        graph, stream = call.graph, self._streams[0]
        if graph is not None and not graph.closed:
            self._call("cuGraphLaunch", graph.value, stream)
            if len(self._graphs) > 1 and call.key in self._graphs:
                self._graphs.move_to_end(call.key)
            return
        key, driver = call.key, self._device.driver
        if key in self._graphs or key in self._met or call.program.symbols not in self._programs:
            self._call("cuGraphLaunch", self._graph(call).value, stream)
        else:
            self._meet(key)
            before, inner, after = self._transfers.in_own_memory(call)
            graph = self._graph(inner)
            issue_copies(driver, before, stream)
            self._call("cuGraphLaunch", graph.value, stream)
            issue_copies(driver, after, stream)

    def _meet(self, key: object) -> None:
        """Remember the key of a call that had no graph yet."""
        self._met[key] = None
        if len(self._met) > MAX_MET:
            self._met.popitem(last=False)

    def _walk(self, call: CudaCall, issue: Callable[[CudaCall, int], None]) -> None:
        driver, stream = self._device.driver, self._streams[0]
        issue_copies(driver, call.before, stream)
        walk(call.program.steps, self._machine(call, partial(issue, call)))
        issue_copies(driver, call.after, stream)

    def _issue(self, call: CudaCall, index: int) -> None:
        launch = call.program.launches[index]
        if not launch.empty:
            self._launcher.issue(launch, call.addresses, self._streams[0], overlap=False)

    def _issue_and_wait(self, call: CudaCall, index: int) -> None:
        self._launcher.issue_and_wait(call.program.launches[index], call.addresses, self._streams[0])

    def _machine(self, call: CudaCall, launch: Callable[[int], None]) -> CudaMachine:
        return CudaMachine(self._device.driver, call.addresses, self._streams[0], launch)

    def _graph(self, call: CudaCall) -> Handle:
        """The graph for this shape and these addresses, built on first use. Raises `NoConditionalNodes`."""
        key = call.key
        graph = self._graphs.get(key)
        if graph is None:
            _drop_graphs(self._graphs, MAX_GRAPHS - 1)
            graph = self._graphs[key] = self._built(call)
            self._programs.add(call.program.symbols)
        self._graphs.move_to_end(key)
        call.graph = graph
        return graph

    def _built(self, call: CudaCall) -> Handle:
        if call.program.straight:
            return self._launcher.capture(call, self._streams)
        return build_graph(self._device, self._launcher, call, self._streams)

    def _new_event(self, stack: contextlib.ExitStack) -> Handle:
        event = self._device.create("cuEventDestroy", "cuEventCreate", 0)
        stack.callback(event.close)
        return event

    def _milliseconds(self, begin: Handle, end: Handle) -> float:
        return float(self._call("cuEventElapsedTime", begin.value, end.value))


def _drop_graphs(graphs: OrderedDict[object, Handle], keep: int) -> None:
    """Destroy the least recently used graphs until KEEP are left."""
    while len(graphs) > keep:
        graphs.popitem(last=False)[1].close()
