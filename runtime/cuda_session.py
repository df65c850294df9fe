"""Runs programs on a GPU for one thread: one graph per shape and set of addresses, one graph launch per
run."""

from __future__ import annotations

import contextlib
import statistics
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import DeviceError
from .cuda_device import CudaDevice, Handle
from .cuda_graph import NoConditionalNodes, build_graph
from .cuda_io import CopyTarget, Transfers
from .cuda_launch import Addresses, Launcher
from .cuda_walk import CudaMachine, read_buffer
from .device import Array, LaunchRecord, Observer, Value
from .manifest import Manifest
from .program import Program
from .steps import Repeat, controls_in
from .unroll import MOST_LAUNCHES
from .walk import walk

MAX_GRAPHS = 16
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING


class CudaSession:
    """One thread's streams, arena, staging memory and graphs; implements `device.Session`."""

    def __init__(
        self, device: CudaDevice, launcher: Launcher, manifest: Manifest, weights: int, debug: bool
    ) -> None:
        self._device = device
        self._call = device.driver.call
        self._launcher = launcher
        self._weights = weights
        self._zeroed_bytes = manifest.zeroed_bytes
        self._zeroed = False
        self._debug = debug
        self._reads_back = False  # reads conditions back if graphs have no conditional nodes
        self._graphs: OrderedDict[object, Handle] = OrderedDict()
        self._released = contextlib.ExitStack()
        try:
            with device.current():
                streams = 1 + max((launch.stream for launch in manifest.launches), default=0)
                self._streams = [self._new_stream() for _ in range(streams)]
                arena = device.allocate(manifest.arena_bytes)
                self._released.callback(arena.close)
                self._arena = int(arena)
                self._iterations = self._table(manifest)
        except BaseException:
            self.close()
            raise
        self._transfers = Transfers(device, manifest, self._streams[0])
        self._released.callback(self._transfers.close)
        self._released.callback(_drop_graphs, self._graphs, 0)

    @property
    def stream(self) -> int | None:
        """Handle of the stream that everything is issued to."""
        return int(self._streams[0])

    def fetch(self, value: Value) -> Array:
        """The elements of an input; those in device memory are copied, after the work that the stream waits
        for."""
        with self._device.current():
            return self._transfers.fetched(value)

    def run(
        self, program: Program, inputs: Sequence[Value], outputs: Sequence[Value | None], on_device: bool
    ) -> list[object]:
        """Copy the inputs in, launch the graph, copy the outputs out, and wait."""
        with self._running():
            addresses, targets = self._uploaded(program, inputs, outputs)
            self._start(program, addresses)
            return self._results(targets, on_device)

    def trace(self, program: Program, inputs: Sequence[Value], observer: Observer) -> list[object]:
        """Run launch by launch without a graph; OBSERVER's reads are copied out while the device is idle."""
        with self._running():
            addresses, targets = self._uploaded(program, inputs, [None] * len(program.outputs))
            self._synchronize()

            def read(name: str) -> Array:
                return read_buffer(self._device.driver, program.buffers[name], addresses)

            def launch(index: int) -> None:
                observer.before(index, read)
                self._launcher.issue_and_wait(program.launches[index], addresses, self._streams[0])
                observer.after(index, read)

            walk(program.steps, self._machine(addresses, launch))
            return self._results(targets, False)

    def profile(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[LaunchRecord]:
        """Replay a graph that records an event between consecutive launches, REPEATS times.

        Bodies of conditional nodes take no events: a program with control flow runs launch by launch.
        """
        samples: list[list[float]] = [[] for _ in program.launches]
        with self._running(), contextlib.ExitStack() as stack:
            addresses = self._scratch(program, inputs, stack)
            if program.straight:
                self._time_in_graph(program, addresses, samples, repeats, stack)
            else:
                self._time_one_by_one(program, addresses, samples, repeats, stack)
        return [
            LaunchRecord(launch.kernel, launch.op, statistics.median(times), launch.grid, launch.block)
            for launch, times in zip(program.launches, samples, strict=True)
        ]

    def time(self, program: Program, inputs: Sequence[Value], repeats: int, warmup: int) -> list[float]:
        """Queue all runs at once with an event around each, so that launch overhead on the CPU is hidden."""
        with self._running(), contextlib.ExitStack() as stack:
            addresses = self._scratch(program, inputs, stack)
            events = [(self._new_event(stack), self._new_event(stack)) for _ in range(repeats)]
            for _ in range(warmup):
                self._start(program, addresses)
            for begin, end in events:
                self._record(begin)
                self._start(program, addresses)
                self._record(end)
            self._synchronize()
            return [self._milliseconds(begin, end) for begin, end in events]

    def _time_in_graph(
        self,
        program: Program,
        addresses: Addresses,
        samples: Sequence[list[float]],
        repeats: int,
        stack: contextlib.ExitStack,
    ) -> None:
        events = [self._new_event(stack) for _ in range(len(samples) + 1)]
        graph = self._launcher.capture_timed(program, addresses, self._streams[0], events)
        stack.callback(graph.close)
        for repeat in range(repeats + 1):
            self._call("cuGraphLaunch", graph.value, self._streams[0])
            self._synchronize()
            if repeat == 0:
                continue  # the first replay is the warm-up
            for times, begin, end in zip(samples, events, events[1:], strict=False):
                times.append(self._milliseconds(begin, end) * 1000)

    def _time_one_by_one(
        self,
        program: Program,
        addresses: Addresses,
        samples: Sequence[list[float]],
        repeats: int,
        stack: contextlib.ExitStack,
    ) -> None:
        begin, end = self._new_event(stack), self._new_event(stack)

        def launch(index: int) -> None:
            self._record(begin)
            self._issue(program, addresses, index)
            self._record(end)
            self._synchronize()
            samples[index][-1] += self._milliseconds(begin, end) * 1000

        for _ in range(repeats + 1):
            for times in samples:
                times.append(0.0)
            walk(program.steps, self._machine(addresses, launch))
        for times in samples:
            del times[0]  # the first run is the warm-up

    def close(self) -> None:
        """Release everything in reverse order of creation."""
        self._released.close()

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        """A context with the device current; if the body fails, waits until the device is idle."""
        with self._device.current():
            try:
                if self._zeroed_bytes and not self._zeroed:
                    self._call("cuMemsetD8Async", self._arena, 0, self._zeroed_bytes, self._streams[0])
                self._zeroed = True
                yield
            except BaseException:
                self._zeroed = False  # an aborted run may have left counters non-zero
                with contextlib.suppress(DeviceError):
                    self._synchronize()
                raise

    def _scratch(self, program: Program, inputs: Sequence[Value], stack: contextlib.ExitStack) -> Addresses:
        """Addresses for repeated runs whose results are discarded."""
        addresses, targets = self._uploaded(program, inputs, [None] * len(program.outputs))
        for target in targets:
            if target.lease is not None:
                stack.callback(target.lease.release)
        return addresses

    def _uploaded(
        self, program: Program, inputs: Sequence[Value], outputs: Sequence[Value | None]
    ) -> tuple[Addresses, list[CopyTarget]]:
        """Copy the inputs in; returns the addresses that the program works on, and the targets of its
        results."""
        sources = self._transfers.upload(program, inputs)
        targets = self._transfers.targets(program, outputs)
        results = tuple(target.address for target in targets)
        return Addresses(self._arena, self._weights, tuple(sources), results, self._iterations), targets

    def _results(self, targets: Sequence[CopyTarget], on_device: bool) -> list[object]:
        """Copy the results to TARGETS after all launches have ended."""
        self._transfers.download(targets, on_device)
        self._synchronize()
        return self._transfers.results(targets, on_device)

    def _synchronize(self) -> None:
        """Wait for all work on the main stream."""
        self._call("cuStreamSynchronize", self._streams[0])

    def _record(self, event: Handle) -> None:
        self._call("cuEventRecord", event.value, self._streams[0])

    def _start(self, program: Program, addresses: Addresses) -> None:
        """Start the program: one launch of its graph or, without a graph, all of its launches."""
        if self._debug:
            self._walk(program, addresses, self._issue_and_wait)
            return
        if not self._reads_back:
            try:
                self._call("cuGraphLaunch", self._graph(program, addresses).value, self._streams[0])
                return
            except NoConditionalNodes:
                self._reads_back = True
        self._walk(program, addresses, self._issue)

    def _walk(
        self, program: Program, addresses: Addresses, issue: Callable[[Program, Addresses, int], None]
    ) -> None:
        walk(program.steps, self._machine(addresses, partial(issue, program, addresses)))

    def _issue(self, program: Program, addresses: Addresses, index: int) -> None:
        launch = program.launches[index]
        if not launch.empty:
            self._launcher.issue(launch, addresses, self._streams[0], overlap=False)

    def _issue_and_wait(self, program: Program, addresses: Addresses, index: int) -> None:
        self._launcher.issue_and_wait(program.launches[index], addresses, self._streams[0])

    def _machine(self, addresses: Addresses, launch: Callable[[int], None]) -> CudaMachine:
        return CudaMachine(self._device.driver, addresses, self._streams[0], launch)

    def _graph(self, program: Program, addresses: Addresses) -> Handle:
        """The graph for this shape and these addresses, built on first use. Raises `NoConditionalNodes`."""
        key = (program.symbols, addresses)
        graph = self._graphs.get(key)
        if graph is None:
            _drop_graphs(self._graphs, MAX_GRAPHS - 1)
            graph = self._graphs[key] = self._built(program, addresses)
        self._graphs.move_to_end(key)
        return graph

    def _built(self, program: Program, addresses: Addresses) -> Handle:
        if program.straight:
            return self._launcher.capture(program, addresses, self._streams[0], self._streams[1:])
        return build_graph(self._device, self._launcher, program, addresses, self._streams)

    def _table(self, manifest: Manifest) -> int:
        """The address of 0, 1, 2, ... in i64, which launches of unrolled loops read; 0 without such loops."""
        if not any(isinstance(step, Repeat) for step in controls_in(manifest.steps)):
            return 0
        numbers = np.arange(MOST_LAUNCHES, dtype=np.int64)
        memory = self._device.allocate(numbers.nbytes)
        self._released.callback(memory.close)
        self._call("cuMemcpyHtoD", memory.value, numbers.ctypes.data, numbers.nbytes)
        return int(memory)

    def _new_stream(self) -> Any:
        stream = self._device.create("cuStreamDestroy", "cuStreamCreate", _NON_BLOCKING)
        self._released.callback(stream.close)
        return stream.value

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
