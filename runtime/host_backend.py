"""The host backend: a plan's kernels, compiled as C++ and run without a GPU."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..errors import DeviceError, InputError
from .device import Array, LaunchRecord, Observer, Value
from .dlpack import CPU
from .dtypes import numpy_dtype
from .host import HostModule, Order
from .host_memory import aligned_bytes
from .host_spaces import HostMachine, HostSpaces, aligned_copy, bytes_of, host_argument
from .manifest import Manifest
from .plan import Plan
from .program import (
    BoundLaunch,
    BoundTensor,
    Program,
)
from .tensors import host_array
from .walk import walk

_POISON = 0xFF  # NaN in every floating-point type


class HostBackend:
    """The CPU as a device; ORDER is the order in which blocks run: forward, reverse or ("seeded", n)."""

    def __init__(self, order: Order = "forward") -> None:
        self._order = order

    def load(self, plan: Plan) -> HostExecutable:
        """Compile the kernels of the plan's first part, or load them from the cache. See `device.Backend`."""
        part = plan.parts[0]
        for launch in part.spec.launches:
            if launch.cooperative and math.prod(launch.cluster) > 1:
                what = f"kernel {launch.kernel} ({launch.op!r}) is a cooperative launch of clusters"
                why = "the host device runs the blocks of a cluster together, or those of a whole grid"
                raise DeviceError(f"{what}; {why}", hint="run this plan on a GPU")
        return HostExecutable(part, self._order)


class HostExecutable:
    """A plan's kernels, loaded into this process; see `device.Executable`."""

    name = "host"
    device = (CPU, 0)

    def __init__(self, plan: Plan, order: Order) -> None:
        self.plan = plan
        self._manifest = plan.spec
        self._order = order
        launched = {launch.kernel for launch in plan.spec.launches}
        sources = {plan.spec.kernels[name].entry: plan.sources[name] for name in sorted(launched)}
        self._module = HostModule(sources, plan.headers)
        self._weights = aligned_copy(np.frombuffer(plan.weights, np.uint8))

    def session(self) -> HostSession:
        """A new session for the calling thread."""
        return HostSession(self._module, self._manifest, self._weights, self._order)

    def close(self) -> None:
        """Nothing to release: Python frees the memory."""


class HostSession:
    """One thread's arena; implements `device.Session`."""

    stream = None

    def __init__(self, module: HostModule, manifest: Manifest, weights: Array, order: Order) -> None:
        self._module = module
        self._manifest = manifest
        self._weights = weights
        self._order = order
        self._arena = aligned_bytes(manifest.arena_bytes)
        self._zeroed = False
        self._kept: dict[int, Array] = {}  # results that are overwritten, by output

    def fetch(self, value: Value) -> Array:
        """The elements of an input, which are in host memory."""
        return host_array(value)

    def place(self, data: Array) -> Array:
        """A copy of DATA at an aligned address."""
        copy: Array = aligned_bytes(data.nbytes)
        copy[:] = data
        return copy

    def run(
        self,
        program: Program,
        inputs: Sequence[Value],
        outputs: Sequence[Value | None],
        on_device: bool,
        reuse: bool,
    ) -> list[object]:
        """Run every launch in order. The arena is filled with NaN first, so that unwritten elements show."""
        memory = self._stage(program, inputs)
        self._launch_all(program, memory)
        self._zeroed = True
        outputs = self._targets(inputs, outputs)
        results = [
            _delivered(_typed(result, tensor), given)
            for tensor, result, given in zip(program.outputs, memory.outputs, outputs, strict=True)
        ]
        return self._overwritten(results, outputs) if reuse else list(results)

    def _targets(self, inputs: Sequence[Value], outputs: Sequence[Value | None]) -> list[Value | None]:
        """OUTPUTS, with the inputs in whose memory some of them are."""
        updates = self._manifest.updates
        return [inputs[updates[at]] if at in updates else given for at, given in enumerate(outputs)]

    def _overwritten(self, results: Sequence[Array], outputs: Sequence[Value | None]) -> list[object]:
        """RESULTS in arrays of the session, except where OUTPUTS has a tensor."""
        kept: list[object] = []
        for index, (result, given) in enumerate(zip(results, outputs, strict=True)):
            own = self._kept.get(index)
            if given is None and (own is None or own.shape != result.shape):
                own = self._kept[index] = np.empty_like(result)
            kept.append(result if given is not None else _delivered(result, own))
        return kept

    def bind(
        self, program: Program, inputs: Sequence[Value], outputs: Sequence[Value | None]
    ) -> tuple[HostBinding, list[object]]:
        """A call in the memory of the given arrays; see `device.Session`."""
        results = [
            _typed(aligned_bytes(tensor.bytes), tensor) if given is None else host_array(given)
            for tensor, given in zip(program.outputs, self._targets(inputs, outputs), strict=True)
        ]
        memory = self._spaces([bytes_of(host_array(each)) for each in inputs], list(map(bytes_of, results)))
        return HostBinding(self, program, memory), list(results)

    def run_in(self, program: Program, memory: HostSpaces) -> None:
        """Run every launch in order in MEMORY, of which the arena is filled with NaN first."""
        self._clear()
        self._launch_all(program, memory)
        self._zeroed = True

    def trace(self, program: Program, inputs: Sequence[Value], observer: Observer) -> list[object]:
        """As `run`, calling OBSERVER around every launch."""
        memory = self._stage(program, inputs)

        def read(name: str) -> Array:
            return memory.bytes(program.buffers[name]).copy()

        def launch(index: int) -> None:
            observer.before(index, read)
            self._launch(program.launches[index], memory)
            observer.after(index, read)

        walk(program.steps, HostMachine(memory, launch))
        self._zeroed = True
        return [
            _typed(result, tensor) for tensor, result in zip(program.outputs, memory.outputs, strict=True)
        ]

    def profile(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[LaunchRecord]:
        """Wall-clock time of every launch, in microseconds."""
        samples: list[list[float]] = [[] for _ in program.launches]

        def launch(index: int) -> None:
            samples[index][-1] += _seconds(partial(self._launch, program.launches[index], memory)) * 1e6

        memory = self._stage(program, inputs)
        for _ in range(repeats):
            for times in samples:
                times.append(0.0)
            walk(program.steps, HostMachine(memory, launch))
        return [
            LaunchRecord(launch.kernel, launch.op, statistics.median(times), launch.grid, launch.block)
            for launch, times in zip(program.launches, samples, strict=True)
        ]

    def time(self, program: Program, inputs: Sequence[Value], repeats: int, warmup: int) -> list[float]:
        """Wall-clock time of whole runs, in milliseconds."""
        memory = self._stage(program, inputs)
        times = [_seconds(partial(self._launch_all, program, memory)) * 1e3 for _ in range(warmup + repeats)]
        return times[warmup:]

    def measure(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[float]:
        """As `time`: on the host, the one who starts a run is the one who runs it."""
        return self.time(program, inputs, repeats, 1)

    def close(self) -> None:
        """Free the arena."""
        self._arena = aligned_bytes(0)

    def _stage(self, program: Program, inputs: Sequence[Value]) -> HostSpaces:
        """The spaces of one run: inputs as aligned, dense bytes, the arena, and memory for the outputs."""
        self._clear()
        results = [aligned_bytes(tensor.bytes) for tensor in program.outputs]
        for result in results:
            result.fill(_POISON)
        sources = [aligned_copy(host_array(value)) for value in inputs]
        for output, input in self._manifest.updates.items():
            results[output] = sources[input]
        return self._spaces(sources, results)

    def _clear(self) -> None:
        """Fill the arena with NaN, except the counters, which are 0."""
        counters = self._manifest.zeroed_bytes
        if not self._zeroed:
            self._arena[:counters].fill(0)
        self._zeroed = False  # until the run completes, and its kernels have reset the counters
        self._arena[counters:].fill(_POISON)

    def _spaces(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> HostSpaces:
        return HostSpaces(self._arena, self._weights, inputs, outputs)

    def _launch_all(self, program: Program, memory: HostSpaces) -> None:
        def launch(index: int) -> None:
            self._launch(program.launches[index], memory)

        walk(program.steps, HostMachine(memory, launch))

    def _launch(self, launch: BoundLaunch, memory: HostSpaces) -> None:
        if launch.empty:
            return
        self._module.launch(
            self._manifest.kernels[launch.kernel].entry,
            launch.grid,
            launch.block,
            launch.cluster,
            launch.shared_bytes,
            [host_argument(argument, memory) for argument in launch.arguments],
            order=self._order,
            cooperative=launch.cooperative,
        )


class HostBinding:
    """A call on the host with fixed arrays; launches are synchronous. Implements `device.BoundCall`."""

    def __init__(self, session: HostSession, program: Program, memory: HostSpaces) -> None:
        self._session = session
        self._program = program
        self._memory = memory

    def launch(self, stream: object) -> None:
        """Run every launch in order; the host has no streams."""
        if stream is not None:
            raise InputError("the host has no streams", hint="call launch() without one")
        self._session.run_in(self._program, self._memory)

    def wait(self) -> None:
        """Nothing is under way."""


def _typed(memory: Array, tensor: BoundTensor) -> Array:
    return memory.view(numpy_dtype(tensor.dtype)).reshape(tensor.shape)


def _delivered(result: Array, given: Value | None) -> Array:
    """The result; where the caller gave an array, that array with the result copied in."""
    if given is None:
        return result
    array = host_array(given)
    np.copyto(array, result)
    return array


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
