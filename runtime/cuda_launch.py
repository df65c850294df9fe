"""Issues a program's launches to streams, directly or under graph capture."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import DeviceError
from .cuda_call import Addresses, CudaCall, issue_copies
from .cuda_device import CudaDevice, Handle
from .cuda_driver import DriverError
from .cuda_streams import UNTIMED
from .cuda_tensor_map import encode_tensor_map
from .program import BoundBuffer, BoundLaunch, BoundScalar, BoundTensorMap

RELAXED = "CU_STREAM_CAPTURE_MODE_RELAXED"
EXTERNAL = 1  # CU_EVENT_RECORD_EXTERNAL: a graph node that takes a timestamp at every replay


class Launcher:
    """Issues the kernel launches of one engine; SETTER, if given, is the kernel that sets conditions."""

    def __init__(self, device: CudaDevice, functions: Mapping[str, Any], setter: Any = None) -> None:
        self._device = device
        self._driver = device.driver
        self._functions = functions
        self._setter = setter

    @property
    def has_setter(self) -> bool:
        """Whether conditional nodes of graphs can be set."""
        return self._setter is not None

    def issue(self, launch: BoundLaunch, addresses: Addresses, stream: Any, overlap: bool) -> None:
        """Issue one kernel launch to STREAM; with OVERLAP it may start before the previous one has ended.

        Overlap is programmatic dependent launch, set by the launch attribute for programmatic stream
        serialization (CUDA programming guide). Raises `DriverError`, naming the kernel.
        """
        if launch.cooperative:
            self._check_resident(launch)
        parameters = [self._parameter(argument, addresses) for argument in launch.arguments]
        config = self._config(launch, stream, overlap)
        try:
            self._launch(config, self._functions[launch.kernel], parameters)
        except DriverError as error:
            raise _in_kernel(error, launch) from error

    def issue_setter(self, arguments: Sequence[int], stream: Any) -> None:
        """Issue the setter to STREAM with ARGUMENTS, as `SETTER_PARAMETERS` of the manifest lists them."""
        types = [*[ctypes.c_uint64] * 4, ctypes.c_int64, ctypes.c_int32]
        parameters = [kind(value) for kind, value in zip(types, arguments, strict=True)]
        config = self._driver.api.CUlaunchConfig()
        config.gridDimX = config.gridDimY = config.gridDimZ = 1
        config.blockDimX = config.blockDimY = config.blockDimZ = 1
        config.hStream = stream
        self._launch(config, self._setter, parameters)

    def _launch(self, config: Any, function: Any, parameters: Sequence[Any]) -> None:
        pointers = (ctypes.c_void_p * max(len(parameters), 1))(*map(ctypes.addressof, parameters))
        self._driver.call("cuLaunchKernelEx", config, function, ctypes.addressof(pointers), 0)

    def issue_and_wait(self, launch: BoundLaunch, addresses: Addresses, stream: Any) -> None:
        """Issue one launch without overlap, and wait until STREAM is idle. Raises `DriverError`, naming the
        kernel."""
        if launch.empty:
            return
        self.issue(launch, addresses, stream, overlap=False)
        try:
            self._driver.call("cuStreamSynchronize", stream)
        except DriverError as error:
            raise _in_kernel(error, launch) from error

    def capture(self, call: CudaCall, streams: Sequence[Any]) -> Handle:
        """Capture CALL as one executable graph; STREAMS are one for each of its branches."""
        return self._captured(streams[0], lambda: self.issue_call(call, streams))

    def issue_call(self, call: CudaCall, streams: Sequence[Any]) -> None:
        """Issue the copies and the launches of CALL, which has no control flow, to STREAMS, of which the
        first one is being captured."""
        issue_copies(self._driver, call.before, streams[0])
        self.issue_branches(list(enumerate(call.program.launches)), call.addresses, streams)
        issue_copies(self._driver, call.after, streams[0])

    def issue_branches(
        self, launches: Sequence[tuple[int, BoundLaunch]], addresses: Addresses, streams: Sequence[Any]
    ) -> None:
        """Issue numbered LAUNCHES to the STREAMS that they are on; the first one is being captured, and on
        return depends on all others."""
        _Branches(self, addresses, streams).issue(launches)

    def capture_timed(self, call: CudaCall, stream: Any, events: Sequence[Handle]) -> Handle:
        """Capture a linear graph of the launches, with a timing event before the first and after each."""

        def body() -> None:
            self._driver.call("cuEventRecordWithFlags", events[0].value, stream, EXTERNAL)
            for launch, event in zip(call.program.launches, events[1:], strict=True):
                if not launch.empty:
                    self.issue(launch, call.addresses, stream, overlap=False)
                self._driver.call("cuEventRecordWithFlags", event.value, stream, EXTERNAL)

        return self._captured(stream, body)

    def capture_between(self, call: CudaCall, streams: Sequence[Any], begin: Handle, end: Handle) -> Handle:
        """Capture the launches of CALL, which may overlap as in `capture`, between the timing events BEGIN
        and END."""

        def body() -> None:
            self._driver.call("cuEventRecordWithFlags", begin.value, streams[0], EXTERNAL)
            self.issue_branches(list(enumerate(call.program.launches)), call.addresses, streams)
            self._driver.call("cuEventRecordWithFlags", end.value, streams[0], EXTERNAL)

        return self._captured(streams[0], body)

    def _captured(self, stream: Any, body: Callable[[], None]) -> Handle:
        """Capture what BODY issues to STREAM, and instantiate it as a graph.

        The capture mode is relaxed: memory that a finaliser frees meanwhile must not invalidate the capture.
        """
        call = self._driver.call
        call("cuStreamBeginCapture", stream, getattr(self._driver.api.CUstreamCaptureMode, RELAXED))
        try:
            body()
        except BaseException:
            self.abandon(stream)
            raise
        graph = self._device.create("cuGraphDestroy", "cuStreamEndCapture", stream)
        try:
            return self._device.create("cuGraphExecDestroy", "cuGraphInstantiate", graph.value, 0)
        finally:
            graph.close()

    def abandon(self, stream: Any, owned: bool = True) -> None:
        """End a capture that failed midway, whatever state it is in; a graph that it made itself (OWNED) is
        destroyed."""
        try:
            graph = self._driver.call("cuStreamEndCapture", stream)
        except DeviceError:
            return  # an invalidated capture returns no graph
        if owned:
            self._device.release("cuGraphDestroy", graph)

    def _config(self, launch: BoundLaunch, stream: Any, overlap: bool) -> Any:
        api = self._driver.api
        config = api.CUlaunchConfig()
        config.gridDimX, config.gridDimY, config.gridDimZ = launch.grid
        config.blockDimX, config.blockDimY, config.blockDimZ = launch.block
        config.sharedMemBytes = launch.shared_bytes
        config.hStream = stream
        attributes = []
        if launch.cooperative:
            together = api.CUlaunchAttribute()
            together.id = api.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_COOPERATIVE
            together.value.cooperative = 1
            attributes.append(together)
        if launch.cluster != (1, 1, 1):
            cluster = api.CUlaunchAttribute()
            cluster.id = api.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
            size = cluster.value.clusterDim
            size.x, size.y, size.z = launch.cluster
            attributes.append(cluster)
        if overlap:
            serial = api.CUlaunchAttribute()
            serial.id = api.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
            serial.value.programmaticStreamSerializationAllowed = 1
            attributes.append(serial)
        config.attrs = attributes
        config.numAttrs = len(attributes)
        return config

    def _check_resident(self, launch: BoundLaunch) -> None:
        """Raise `DeviceError` unless all blocks of a cooperative launch can be resident at once."""
        function, threads = self._functions[launch.kernel], math.prod(launch.block)
        each = int(
            self._driver.call(
                "cuOccupancyMaxActiveBlocksPerMultiprocessor", function, threads, launch.shared_bytes
            )
        )
        room, blocks = each * self._device.multiprocessors, math.prod(launch.grid)
        if blocks > room:
            raise DeviceError(
                f"kernel {launch.kernel} ({launch.op!r}) has {blocks} blocks that wait for each other; "
                f"{self._device.name} holds {room} at a time",
                hint="build the plan for this GPU, or for smaller sizes",
            )

    def _parameter(self, argument: object, addresses: Addresses) -> Any:
        if isinstance(argument, BoundBuffer):
            return ctypes.c_uint64(addresses.of(argument))
        if isinstance(argument, BoundScalar):
            return (ctypes.c_int32 if argument.kind == "i32" else ctypes.c_int64)(argument.value)
        if isinstance(argument, BoundTensorMap):
            return encode_tensor_map(self._driver, argument, addresses.of(argument.buffer))
        raise TypeError(f"not an argument: {argument!r}")


class _Branches:
    """Issues launches on several streams: forks them off the captured one, and joins them at the end."""

    def __init__(self, launcher: Launcher, addresses: Addresses, streams: Sequence[Any]) -> None:
        self._launcher = launcher
        self._driver = launcher._driver
        self._addresses = addresses
        self._streams = streams
        self._events: list[Handle] = []
        self._begun = {0}
        self._after_kernel: set[int] = set()

    def issue(self, launches: Sequence[tuple[int, BoundLaunch]]) -> None:
        """Issue every launch; on return the first stream depends on all others."""
        start = self._record(0)
        awaited = {wait for _, launch in launches for wait in launch.waits}
        events: dict[int, Handle] = {}
        for index, launch in launches:
            self._begin(launch.stream, start)
            self._issue(launch, [events[wait] for wait in launch.waits])
            if index in awaited:
                events[index] = self._record(launch.stream)
        for stream in sorted(self._begun - {0}):
            self._await(0, self._record(stream))
        for event in self._events:
            event.close()

    def _issue(self, launch: BoundLaunch, waits: Sequence[Handle]) -> None:
        stream = launch.stream
        for event in waits:
            self._await(stream, event)
        if launch.empty:
            return
        # A cooperative launch starts only when all of its blocks fit, so it must not overlap its predecessor.
        # Nor does its successor: whether a driver takes such an edge in a graph is not known.
        overlap = launch.pdl and not launch.cooperative and stream in self._after_kernel
        self._launcher.issue(launch, self._addresses, self._streams[stream], overlap)
        if launch.cooperative:
            self._after_kernel.discard(stream)
        else:
            self._after_kernel.add(stream)

    def _begin(self, stream: int, start: Handle) -> None:
        if stream not in self._begun:
            self._begun.add(stream)
            self._await(stream, start)

    def _record(self, stream: int) -> Handle:
        event = self._launcher._device.create("cuEventDestroy", "cuEventCreate", UNTIMED)
        self._events.append(event)
        self._driver.call("cuEventRecord", event.value, self._streams[stream])
        return event

    def _await(self, stream: int, event: Handle) -> None:
        # Only a direct successor of a kernel may overlap it. After an event wait the dependency must be a
        # full one, even if the launch that waits for the event is skipped and another one follows.
        self._after_kernel.discard(stream)
        self._driver.call("cuStreamWaitEvent", self._streams[stream], event.value, 0)


def _in_kernel(error: DriverError, launch: BoundLaunch) -> DriverError:
    """The same error, prefixed with the kernel that raised it."""
    return DriverError(f"kernel {launch.kernel} ({launch.op!r}): {error.message}", error.code, error.hint)
