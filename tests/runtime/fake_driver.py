"""A CUDA driver in Python: it allocates, captures, replays, fails on demand, and counts what is alive.

Stands in for the module `cuda.bindings.driver`; types and enumerations are those of the real module.
Kernels are Python functions. Streams run at once, unless they are being captured; then what is
issued becomes nodes with the dependencies that CUDA would give them.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cuda.bindings import driver as real
from glassrt.runtime.dlpack import memory_view

OUT_OF_MEMORY, INVALID_VALUE, ILLEGAL_ADDRESS, NO_BINARY, NOT_SUPPORTED = 2, 1, 700, 209, 801
NOT_READY = 600
STICKY = {700, 702, 714, 715, 716, 717, 718, 719}
# The function that releases -> those whose results it releases.
RELEASES = {
    "cuMemFree": "memory",
    "cuMemFreeHost": "pinned memory",
    "cuStreamDestroy": "stream",
    "cuEventDestroy": "event",
    "cuModuleUnload": "module",
    "cuGraphDestroy": "graph",
    "cuGraphExecDestroy": "executable graph",
    "cuDevicePrimaryCtxRelease": "context",
}


def _floats(address: int, count: int) -> np.ndarray[Any, Any]:
    return memory_view(address, 4 * count).view(np.float32)


def _double(grid: Sequence[int], x: int, y: int, count: int) -> None:
    np.multiply(_floats(x, count), 2, out=_floats(y, count))


def _add(grid: Sequence[int], x: int, w: int, y: int, count: int) -> None:
    np.add(_floats(x, count), np.resize(_floats(w, 4), count), out=_floats(y, count))


def _count(grid: Sequence[int], counter: int, y: int, step: int) -> None:
    words = memory_view(counter, 4).view(np.int32)
    memory_view(y, 4).view(np.int32)[:] = words
    words += step


class Descriptor(ctypes.Structure):
    """A tensor map as a kernel takes it: 128 bytes by value."""

    _fields_ = [("words", ctypes.c_uint64 * 16)]

    @property
    def value(self) -> list[int]:
        return list(self.words)


def _show(grid: Sequence[int], map: list[int], y: int) -> None:
    """The descriptor itself is the result."""
    memory_view(y, 128).view(np.uint64)[:] = map


def _number(grid: Sequence[int], y: int, number: int) -> None:
    memory_view(y, 8).view(np.int64)[0] = number


def _plain(value: Any) -> Any:
    """An argument of the driver as a name, a number or a list of numbers."""
    if isinstance(value, list):
        return [int(item) for item in value]
    return value.name if hasattr(value, "name") else int(value)


def _attribute(attribute: Any) -> tuple[str, Any]:
    """A launch attribute's name and value."""
    name, value = attribute.id.name.removeprefix("CU_LAUNCH_ATTRIBUTE_"), attribute.value
    if name == "CLUSTER_DIMENSION":
        return name, (value.clusterDim.x, value.clusterDim.y, value.clusterDim.z)
    return name, value.cooperative if name == "COOPERATIVE" else None


def _copy(grid: Sequence[int], x: int, y: int) -> None:
    _floats(y, 4)[:] = _floats(x, 4)


def _twice(grid: Sequence[int], v: int) -> None:
    _floats(v, 4)[:] *= 2


def _less(grid: Sequence[int], v: int, c: int, limit: int) -> None:
    memory_view(c, 1)[0] = _floats(v, 4)[0] < limit


def _row(grid: Sequence[int], v: int, at: int, s: int) -> None:
    row = int(memory_view(at, 8).view(np.int64)[0])
    _floats(s + 16 * row, 4)[:] = _floats(v, 4)


POINTER, I32, I64 = ctypes.c_uint64, ctypes.c_int32, ctypes.c_int64
KERNELS: dict[str, tuple[Callable[..., None], tuple[Any, ...]]] = {
    "k0_double": (_double, (POINTER, POINTER, I32)),
    "k0_count": (_count, (POINTER, POINTER, I32)),
    "k2_number": (_number, (POINTER, I32)),
    "k2_show": (_show, (Descriptor, POINTER)),
    "k1_add": (_add, (POINTER, POINTER, POINTER, I32)),
    "k5_copy": (_copy, (POINTER, POINTER)),
    "k5_twice": (_twice, (POINTER,)),
    "k5_less": (_less, (POINTER, POINTER, I32)),
    "k5_row": (_row, (POINTER, POINTER, POINTER)),
}
SETTER = (I64, POINTER, POINTER, POINTER, I64, I32)


@dataclass
class Node:
    """One node of a captured graph."""

    name: str
    action: Callable[[], None]
    after: frozenset[int]
    overlap: bool = False
    bodies: tuple[Graph, ...] = ()


class ConditionalParams:
    """The fields of a conditional node; adding the node fills in its body graphs."""

    def __init__(self) -> None:
        self.handle: Any = 0
        self.type: Any = None
        self.size = 0
        self.ctx: Any = None
        self.phGraph_out: list[int] = []


class NodeParams:
    """Stands in for CUgraphNodeParams, whose body graphs only the driver itself can set."""

    def __init__(self) -> None:
        self.type: Any = None
        self.conditional = ConditionalParams()


@dataclass
class Graph:
    """What was issued between the begin and the end of a capture."""

    nodes: list[Node] = field(default_factory=list)


# What a GPU has that no table knows.
SOME_GPU = {
    "MULTIPROCESSOR_COUNT": 60,
    "CLOCK_RATE": 1_500_000,
    "MEMORY_CLOCK_RATE": 2_000_000,
    "GLOBAL_MEMORY_BUS_WIDTH": 3072,
    "L2_CACHE_SIZE": 24 << 20,
    "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN": 99 << 10,
    "MAX_SHARED_MEMORY_PER_MULTIPROCESSOR": 100 << 10,
    "MAX_REGISTERS_PER_MULTIPROCESSOR": 65536,
    "MAX_THREADS_PER_MULTIPROCESSOR": 1536,
    "MAX_BLOCKS_PER_MULTIPROCESSOR": 24,
}


class Fault(Exception):
    """A driver function returns this status instead of doing its work."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class FakeDriver:
    """See the module. `fail_at` is the index of the call that fails with `fail_code`."""

    CUgraphNodeParams = NodeParams

    def __init__(self, fail_at: int | None = None, fail_code: int = INVALID_VALUE) -> None:
        self.fail_at = fail_at
        self.fail_code = fail_code
        self.capability = (9, 0)
        self.gpu_name = "NVIDIA Some GPU"
        self.figures = dict(SOME_GPU)
        self.version = 13000
        self.devices = 1
        self.free_bytes = 1 << 30
        self.faulty_kernel: str | None = None
        self.log: list[str] = []
        self.live: dict[int, str] = {}
        self.launched: list[tuple[str, bool]] = []
        self.attributes: list[list[tuple[str, Any]]] = []  # of every launch, as they were issued
        self.limits: list[tuple[str, int]] = []  # of shared memory, by function
        self.encoded: list[tuple[str, tuple[Any, ...]]] = []  # tensor maps: by which function, of what
        self.busy_streams: set[int] = set()  # of other libraries: with work that has not ended
        self.memory_is_on = 0  # the GPU that owns memory, when asked
        self.unknown_address: int | None = None
        self.resident = 2  # blocks of a kernel on a multiprocessor
        self.graphs: list[Graph] = []
        self.conditional_nodes = True  # whether graphs may have them
        self._conditions: dict[int, int] = {}  # by handle
        self.clock = 0.0
        self._sticky: int | None = None
        self._handles = itertools.count(1000)
        self._objects: dict[int, Any] = {}
        self._capture: dict[int, tuple[Graph, frozenset[int]]] = {}
        self._marks: dict[int, tuple[Graph, frozenset[int]]] = {}
        self._times: dict[int, float] = {}
        self._threads = threading.local()
        self._retained = 0  # how often the primary context is

    def __getattr__(self, name: str) -> Any:
        body = type(self).__dict__.get(f"do_{name}")
        if body is None:
            if name.startswith("cu") and name[2:3].isupper():
                raise AssertionError(f"the fake driver has no {name}")
            return getattr(real, name)
        return lambda *arguments: self._call(name, body, arguments)

    def _call(self, name: str, body: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        if name.startswith("cuGetError"):  # texts: always to be had
            return (0, body(self, *arguments))
        index = len(self.log)
        self.log.append(name)
        if name == "cuDevicePrimaryCtxRelease" and self._retained > 1:
            self._retained -= 1
        elif name in RELEASES:  # even a failing release was an attempt to give the handle back
            assert self.live.pop(int(arguments[0]), None) == RELEASES[name], f"{name} of a dead handle"
        try:
            if index == self.fail_at:
                raise Fault(self.fail_code)
            if self._sticky is not None:
                raise Fault(self._sticky)
            result = body(self, *arguments)
        except Fault as fault:
            if name == "cuStreamEndCapture":  # ends the capture even when it fails
                self._capture.clear()
            if fault.code in STICKY:
                self._sticky = fault.code
            return (fault.code, None)
        return (0, *result) if isinstance(result, tuple) else (0, result)

    def _new(self, kind: str, value: Any = None) -> int:
        handle = next(self._handles)
        self.live[handle] = kind
        self._objects[handle] = value
        return handle

    def _memory(self, kind: str, size: int) -> int:
        storage = (ctypes.c_uint8 * (size + 256))()
        address = -(-ctypes.addressof(storage) // 256) * 256
        ctypes.memset(address, 0xFF, size)
        self.live[address] = kind
        self._objects[address] = storage
        return address

    def _submit(self, stream: Any, name: str, action: Callable[[], None], overlap: bool = False) -> None:
        """Run now, or make a node of the stream's capture."""
        assert self._contexts, f"{name} without a current context"
        handle = int(stream)
        if handle not in self._capture:
            action()
            return
        graph, frontier = self._capture[handle]
        if overlap and any(graph.nodes[index].bodies for index in frontier):
            raise Fault(INVALID_VALUE)  # a programmatic edge out of a conditional node
        graph.nodes.append(Node(name, action, frontier, overlap))
        self._capture[handle] = (graph, frozenset({len(graph.nodes) - 1}))

    # Devices and contexts.

    def do_cuInit(self, flags: int) -> None: ...

    def do_cuDeviceGetCount(self) -> int:
        return self.devices

    def do_cuDeviceGet(self, ordinal: int) -> int:
        return 100 + ordinal

    def do_cuDeviceGetAttribute(self, attribute: Any, device: int) -> int:
        short = attribute.name.removeprefix("CU_DEVICE_ATTRIBUTE_")
        if short.startswith("COMPUTE_CAPABILITY_"):
            return self.capability[short.endswith("MINOR")]
        return self.figures[short]

    def do_cuDeviceGetName(self, length: int, device: int) -> bytes:
        return self.gpu_name.encode().ljust(length, b"\0")

    def do_cuDriverGetVersion(self) -> int:
        return self.version

    def do_cuDevicePrimaryCtxRetain(self, device: int) -> int:
        self._retained = self._retained + 1 if device in self.live else 1
        self.live[device] = "context"
        return 7

    def do_cuDevicePrimaryCtxRelease(self, device: int) -> None: ...

    def enter_context(self) -> None:
        """Make the context current, as another library does that lives in this process."""
        self._contexts.append(7)

    @property
    def _contexts(self) -> list[int]:
        """The calling thread's stack of contexts."""
        stack: list[int] = self._threads.__dict__.setdefault("contexts", [])
        return stack

    def do_cuCtxPushCurrent(self, context: int) -> None:
        self._contexts.append(context)

    def do_cuCtxGetCurrent(self) -> int:
        return self._contexts[-1] if self._contexts else 0

    def do_cuCtxPopCurrent(self) -> int:
        return self._contexts.pop()

    def do_cuGetErrorName(self, result: Any) -> bytes:
        return real.CUresult(result).name.encode()

    def do_cuGetErrorString(self, result: Any) -> bytes:
        return b"as the driver puts it"

    # Memory.

    def do_cuMemAlloc(self, size: int) -> int:
        if size > self.free_bytes:
            raise Fault(OUT_OF_MEMORY)
        return self._memory("memory", size)

    def do_cuMemFree(self, address: int) -> None:
        del self._objects[int(address)]

    def do_cuMemHostAlloc(self, size: int, flags: int) -> int:
        return self._memory("pinned memory", size)

    def do_cuMemFreeHost(self, address: int) -> None:
        del self._objects[int(address)]

    def do_cuPointerGetAttribute(self, attribute: Any, address: int) -> int:
        assert attribute.name == "CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL"
        if address == self.unknown_address:
            raise Fault(INVALID_VALUE)
        return self.memory_is_on

    def do_cuMemGetInfo(self) -> tuple[int, int]:
        return self.free_bytes, 1 << 31

    def do_cuMemcpyHtoD(self, to: int, source: int, size: int) -> None:
        ctypes.memmove(int(to), int(source), size)

    def do_cuMemcpyDtoH(self, to: int, source: int, size: int) -> None:
        ctypes.memmove(int(to), int(source), size)

    def do_cuMemcpyHtoDAsync(self, to: int, source: int, size: int, stream: Any) -> None:
        self._submit(stream, "copy", lambda: ctypes.memmove(int(to), int(source), size) and None)

    def do_cuMemsetD8Async(self, to: int, value: int, size: int, stream: Any) -> None:
        self._submit(stream, "memset", lambda: ctypes.memset(int(to), value, size) and None)

    do_cuMemcpyDtoHAsync = do_cuMemcpyHtoDAsync
    do_cuMemcpyDtoDAsync = do_cuMemcpyHtoDAsync

    # Code.

    def do_cuModuleLoadData(self, image: bytes) -> int:
        if not bytes(image).startswith(b"cubin of "):
            raise Fault(NO_BINARY)
        return self._new("module")

    def do_cuModuleUnload(self, module: int) -> None: ...

    def do_cuModuleGetFunction(self, module: int, name: bytes) -> str:
        return name.decode()

    def do_cuFuncSetAttribute(self, function: str, attribute: Any, value: int) -> None:
        self.limits.append((function, value))

    def do_cuOccupancyMaxActiveBlocksPerMultiprocessor(self, function: str, threads: int, shared: int) -> int:
        return self.resident

    def do_cuTensorMapEncodeTiled(self, *arguments: Any) -> Any:
        return self._encoded("tiled", arguments)

    def do_cuTensorMapEncodeIm2col(self, *arguments: Any) -> Any:
        return self._encoded("im2col", arguments)

    def _encoded(self, kind: str, arguments: tuple[Any, ...]) -> Any:
        """A descriptor that holds the address and a mark; what it was made of is kept as plain values."""
        self.encoded.append((kind, tuple(map(_plain, arguments))))
        encoded = real.CUtensorMap()
        words = [int(arguments[2]), *[0] * 14, len(self.encoded)]
        encoded.opaque = [real.cuuint64_t(word) for word in words]
        return encoded

    def do_cuLaunchKernelEx(self, config: Any, function: str, parameters: int, extra: int) -> None:
        body, types = (self._set, SETTER) if function == "set_condition" else KERNELS[function]
        pointers = (ctypes.c_void_p * len(types)).from_address(parameters)
        values = [kind.from_address(address).value for kind, address in zip(types, pointers, strict=True)]
        grid = (config.gridDimX, config.gridDimY, config.gridDimZ)
        if 0 in grid:  # as the real one: a grid without blocks cannot be launched
            raise Fault(INVALID_VALUE)
        serial = real.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
        overlap = any(attribute.id == serial for attribute in config.attrs)
        assert config.numAttrs == len(config.attrs)
        self.attributes.append([_attribute(attribute) for attribute in config.attrs])

        def run() -> None:
            self.launched.append((function, overlap))
            if function == self.faulty_kernel:
                self._sticky = ILLEGAL_ADDRESS
            else:
                body(grid, *values)

        self._submit(config.hStream, function, run, overlap)

    # Streams, events and graphs.

    def do_cuStreamCreate(self, flags: int) -> int:
        return self._new("stream")

    def do_cuStreamDestroy(self, stream: int) -> None: ...

    def do_cuStreamSynchronize(self, stream: Any) -> None:
        if int(stream) in self._capture:
            raise Fault(900)  # CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED

    def do_cuStreamQuery(self, stream: Any) -> None:
        if int(stream) in self.busy_streams:
            raise Fault(NOT_READY)

    def do_cuStreamIsCapturing(self, stream: Any) -> int:
        return int(int(stream) in self._capture)

    def do_cuEventCreate(self, flags: int) -> int:
        return self._new("event")

    def do_cuEventDestroy(self, event: int) -> None: ...

    def do_cuEventRecord(self, event: int, stream: Any) -> None:
        if int(stream) in self._capture:
            self._marks[event] = self._capture[int(stream)]
        else:
            self._marks.pop(event, None)
            self._stamp(event)

    def do_cuEventRecordWithFlags(self, event: int, stream: Any, flags: int) -> None:
        self._submit(stream, "event", lambda: self._stamp(event))

    def _stamp(self, event: int) -> None:
        self.clock += 0.5
        self._times[event] = self.clock

    def do_cuEventElapsedTime(self, begin: int, end: int) -> float:
        return self._times[end] - self._times[begin]

    def do_cuStreamWaitEvent(self, stream: Any, event: int, flags: int) -> None:
        if event in self._marks:
            graph, frontier = self._marks[event]
            before = self._capture.get(int(stream), (graph, frozenset[int]()))[1]
            self._capture[int(stream)] = (graph, before | frontier)

    def do_cuStreamBeginCapture(self, stream: Any, mode: Any) -> None:
        self._capture[int(stream)] = (Graph(), frozenset())

    def do_cuStreamBeginCaptureToGraph(
        self, stream: Any, graph: int, after: list[int], edges: None, count: int, mode: Any
    ) -> None:
        assert count == len(after) and edges is None
        self._capture[int(stream)] = (self._objects[int(graph)], frozenset(after))

    def do_cuStreamGetCaptureInfo(self, stream: Any) -> tuple[Any, ...]:
        _, frontier = self._capture[int(stream)]
        return 1, 1, None, sorted(frontier), None, len(frontier)

    def do_cuGraphCreate(self, flags: int) -> int:
        return self._new("graph", self._graph())

    def _graph(self) -> Graph:
        self.graphs.append(Graph())
        return self.graphs[-1]

    def do_cuGraphConditionalHandleCreate(self, graph: int, context: int, value: int, flags: int) -> int:
        if not self.conditional_nodes:
            raise Fault(NOT_SUPPORTED)
        handle = next(self._handles)
        self._conditions[handle] = value
        return handle

    def do_cuGraphAddNode(self, graph: int, after: list[int], edges: None, count: int, params: Any) -> int:
        assert params.type == real.CUgraphNodeType.CU_GRAPH_NODE_TYPE_CONDITIONAL
        assert params.conditional.handle in self._conditions and count == len(after) and edges is None
        assert not self._capture, "graphs are edited between captures"
        bodies = tuple(self._graph() for _ in range(params.conditional.size))
        for body in bodies:
            params.conditional.phGraph_out.append(next(self._handles))
            self._objects[params.conditional.phGraph_out[-1]] = body
        handle, kind = params.conditional.handle, params.conditional.type.name
        into = self._objects[int(graph)]

        def run() -> None:
            if kind.endswith("WHILE"):
                while self._conditions[handle]:
                    self._replay(bodies[0])
            else:
                for body in bodies[:1] if self._conditions[handle] else bodies[1:]:
                    self._replay(body)

        into.nodes.append(Node(kind, run, frozenset(after), bodies=bodies))
        return len(into.nodes) - 1

    def _set(self, grid: Sequence[int], handle: int, *given: int) -> None:
        counter, trips, condition, bound, begins = given
        done = 0
        if counter:
            word = memory_view(counter, 8).view(np.int64)
            word[0] = done = 0 if begins else int(word[0]) + 1
        more = done < bound and (not trips or done < memory_view(trips, 8).view(np.int64)[0])
        self._conditions[handle] = int(more and (not condition or bool(memory_view(condition, 1)[0])))

    def do_cuStreamEndCapture(self, stream: Any) -> int:
        graph, frontier = self._capture[int(stream)]
        self._capture.clear()
        reached = set(frontier)
        for index in range(len(graph.nodes) - 1, -1, -1):
            if index in reached:
                reached |= graph.nodes[index].after
        if reached != set(range(len(graph.nodes))):
            raise Fault(904)  # CUDA_ERROR_STREAM_CAPTURE_UNJOINED
        if any(each is graph for each in self.graphs):  # captured into a graph that there was
            return 0
        self.graphs.append(graph)
        return self._new("graph", graph)

    def do_cuGraphInstantiate(self, graph: int, flags: int) -> int:
        return self._new("executable graph", self._objects[int(graph)])

    def do_cuGraphDestroy(self, graph: int) -> None: ...

    def do_cuGraphExecDestroy(self, graph: int) -> None: ...

    def do_cuGraphUpload(self, graph: int, stream: Any) -> None: ...

    def do_cuGraphLaunch(self, graph: int, stream: Any) -> None:
        self._replay(self._objects[int(graph)])

    def _replay(self, graph: Graph) -> None:
        for node in graph.nodes:
            node.action()
