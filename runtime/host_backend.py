"""The host device: a plan's own kernels, compiled as C++ and run without a GPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from .binding import host_array
from .device import Array, LaunchRecord, Observer, Value
from .dlpack import CPU
from .dtypes import ELEMENT_TYPES, numpy_dtype
from .host import (
    HostArgument,
    HostBuffer,
    HostModule,
    HostScalar,
    HostTensorMap,
    Order,
)
from .host_memory import ALIGNMENT, aligned_bytes
from .manifest import Manifest
from .plan import Plan
from .program import (
    BoundArgument,
    BoundBuffer,
    BoundLaunch,
    BoundScalar,
    BoundTensor,
    BoundTensorMap,
    Program,
)

_POISON = 0xFF  # NaN in every floating-point type


class HostBackend:
    """The CPU as a device; `order` is the order in which blocks run: forward, reverse or ("seeded", n)."""

    def __init__(self, order: Order = "forward") -> None:
        self._order = order

    def load(self, plan: Plan) -> HostExecutable:
        """Compile the kernels of the plan's first part, or find them in the cache. See `device.Backend`."""
        return HostExecutable(plan.parts[0], self._order)


class HostExecutable:
    """A plan's kernels in this process; see `device.Executable`."""

    name = "host"
    device = (CPU, 0)

    def __init__(self, plan: Plan, order: Order) -> None:
        self.plan = plan
        self._manifest = plan.spec
        self._order = order
        self._module = HostModule(plan.sources, plan.headers)
        self._weights = _aligned_copy(np.frombuffer(plan.weights, np.uint8))

    def session(self) -> HostSession:
        """A new session for the calling thread."""
        return HostSession(self._module, self._manifest, self._weights, self._order)

    def close(self) -> None:
        """Nothing to give back that Python does not."""


class HostSession:
    """One thread's arena; the methods are those of `device.Session`."""

    stream = None

    def __init__(self, module: HostModule, manifest: Manifest, weights: Array, order: Order) -> None:
        self._module = module
        self._manifest = manifest
        self._weights = weights
        self._order = order
        self._arena = aligned_bytes(manifest.arena_bytes)
        self._zeroed = False

    def run(
        self, program: Program, inputs: Sequence[Value], outputs: Sequence[Value | None], on_device: bool
    ) -> list[object]:
        """Every launch in order, on an arena full of NaN: what was not written shows."""
        sources, results = self._stage(program, inputs)
        self._launch_all(program, sources, results)
        self._zeroed = True
        return [
            _delivered(_typed(memory, tensor), given)
            for tensor, memory, given in zip(program.outputs, results, outputs, strict=True)
        ]

    def trace(self, program: Program, inputs: Sequence[Value], observer: Observer) -> list[object]:
        """As `run`, with OBSERVER told around every launch."""
        sources, results = self._stage(program, inputs)

        def read(name: str) -> Array:
            buffer = program.buffers[name]
            memory = self._memory(buffer, sources, results)
            return memory[buffer.offset : buffer.offset + buffer.bytes].copy()

        for index, launch in enumerate(program.launches):
            observer.before(index, read)
            self._launch(launch, sources, results)
            observer.after(index, read)
        self._zeroed = True
        return [_typed(memory, tensor) for tensor, memory in zip(program.outputs, results, strict=True)]

    def profile(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[LaunchRecord]:
        """Wall-clock time of every launch."""
        sources, results = self._stage(program, inputs)
        samples: list[list[float]] = [[] for _ in program.launches]
        for _ in range(repeats):
            for times, launch in zip(samples, program.launches, strict=True):
                times.append(_seconds(partial(self._launch, launch, sources, results)) * 1e6)
        return [
            LaunchRecord(launch.kernel, launch.op, statistics.median(times), launch.grid, launch.block)
            for launch, times in zip(program.launches, samples, strict=True)
        ]

    def time(self, program: Program, inputs: Sequence[Value], repeats: int, warmup: int) -> list[float]:
        """Wall-clock time of whole runs."""
        sources, results = self._stage(program, inputs)
        times = [
            _seconds(partial(self._launch_all, program, sources, results)) * 1e3
            for _ in range(warmup + repeats)
        ]
        return times[warmup:]

    def close(self) -> None:
        """Let go of the arena."""
        self._arena = aligned_bytes(0)

    def _stage(self, program: Program, inputs: Sequence[Value]) -> tuple[list[Array], list[Array]]:
        """Inputs as aligned, dense bytes, and memory for the outputs."""
        counters = self._manifest.zeroed_bytes
        if not self._zeroed:
            self._arena[:counters].fill(0)
        self._zeroed = False  # until the run has ended, and its kernels have set the counters back
        self._arena[counters:].fill(_POISON)
        results = [aligned_bytes(tensor.bytes) for tensor in program.outputs]
        for result in results:
            result.fill(_POISON)
        return [_aligned_copy(host_array(value)) for value in inputs], results

    def _launch_all(self, program: Program, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        for launch in program.launches:
            self._launch(launch, inputs, outputs)

    def _launch(self, launch: BoundLaunch, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        if launch.empty:
            return
        self._module.launch(
            self._manifest.kernels[launch.kernel].entry,
            launch.grid,
            launch.block,
            launch.cluster,
            launch.shared_bytes,
            [self._argument(argument, inputs, outputs) for argument in launch.arguments],
            order=self._order,
        )

    def _argument(
        self, argument: BoundArgument, inputs: Sequence[Array], outputs: Sequence[Array]
    ) -> HostArgument:
        if isinstance(argument, BoundScalar):
            return HostScalar("i32" if argument.kind == "i32" else "i64", argument.value)
        if isinstance(argument, BoundTensorMap):
            return HostTensorMap(
                self._buffer(argument.buffer, inputs, outputs),
                ELEMENT_TYPES[argument.dtype].bytes,
                argument.dims,
                argument.strides,
                argument.box,
                argument.swizzle,
            )
        return self._buffer(argument, inputs, outputs)

    def _buffer(self, buffer: BoundBuffer, inputs: Sequence[Array], outputs: Sequence[Array]) -> HostBuffer:
        return HostBuffer.of(self._memory(buffer, inputs, outputs), buffer.offset, buffer.bytes)

    def _memory(self, buffer: BoundBuffer, inputs: Sequence[Array], outputs: Sequence[Array]) -> Array:
        """The bytes of the space that BUFFER lies in."""
        if buffer.space in ("arena", "weights"):
            return self._arena if buffer.space == "arena" else self._weights
        return (inputs if buffer.space == "input" else outputs)[buffer.index]


def _aligned_copy(array: Array) -> Array:
    """The array as dense bytes at an aligned address; itself where it is that already."""
    if array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0:
        return array.reshape(-1).view(np.uint8)
    copy: Array = aligned_bytes(array.nbytes, ALIGNMENT)
    if array.nbytes:
        np.copyto(copy.view(array.dtype).reshape(array.shape), array)
    return copy


def _typed(memory: Array, tensor: BoundTensor) -> Array:
    return memory.view(numpy_dtype(tensor.dtype)).reshape(tensor.shape)


def _delivered(result: Array, given: Value | None) -> Array:
    """The result, or the caller's own array with the result in it."""
    if given is None:
        return result
    array = host_array(given)
    np.copyto(array, result)
    return array


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
