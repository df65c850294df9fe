"""The streams and the scratch memory of one session, which serve one call at a time."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Any

import numpy as np

from ..errors import DeviceError
from .cuda_device import CudaDevice
from .cuda_streams import StreamWaits
from .manifest import Manifest
from .steps import Repeat, controls_in
from .unroll import MOST_LAUNCHES

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING


class Workspace:
    """The streams, the arena and the table of iterations of a session.

    Calls may run on its own stream or on one of the caller's. They share the arena, so each begins when the
    one before has ended: `begin` sees to it.
    """

    def __init__(self, device: CudaDevice, manifest: Manifest) -> None:
        self.device = device
        self.order = StreamWaits(device)
        self._call = device.driver.call
        self._zeroed_bytes = manifest.zeroed_bytes
        self.zeroed = False  # whether the counters in the arena are zero between calls
        self.under_way = False  # whether calls have begun that nobody has waited for
        self.closed = False
        self._released = contextlib.ExitStack()
        self._released.callback(self.order.close)
        try:
            with device.current():
                count = 1 + max((launch.stream for launch in manifest.launches), default=0)
                self.streams = [self._new_stream() for _ in range(count)]
                self.main = int(self.streams[0])
                self.arena = self._allocated(manifest.arena_bytes)
                self.iterations = self._table(manifest)
        except BaseException:
            self.close()
            raise
        self.busy = self.main  # the stream that the last call was issued to
        self._keeper: object = None  # keeps that stream alive

    def running(self) -> _Running:
        """A `with` block for calls on the session's stream; after a failure the device is idle."""
        return _Running(self)

    def begin(self, stream: int, keeper: object = None) -> None:
        """Let a call begin on STREAM, which KEEPER keeps alive: after the one before, with counters at 0."""
        if stream != self.busy:
            if self.under_way:
                self.order.follow(stream, self.busy)
            self.busy, self._keeper = stream, keeper
        self.under_way = True
        if not self.zeroed:
            if self._zeroed_bytes:
                self._call("cuMemsetD8Async", self.arena, 0, self._zeroed_bytes, stream)
            self.zeroed = True

    def synchronize(self) -> None:
        """Wait for all calls that have begun."""
        self._call("cuStreamSynchronize", self.busy)
        self.busy, self._keeper, self.under_way = self.main, None, False

    def failed(self) -> None:
        """After a failed call: wait for its launches, and reset the counters before the next call."""
        self.zeroed = False
        with contextlib.suppress(DeviceError):
            self.synchronize()

    def is_capturing(self, stream: int) -> bool:
        """Whether what is issued to STREAM is captured into a graph."""
        return int(self._call("cuStreamIsCapturing", stream)) != 0

    def close(self) -> None:
        """Release everything in reverse order of creation."""
        self.closed = True
        self._released.close()

    def _new_stream(self) -> Any:
        stream = self.device.create("cuStreamDestroy", "cuStreamCreate", _NON_BLOCKING)
        self._released.callback(stream.close)
        return stream.value

    def _allocated(self, size: int) -> int:
        memory = self.device.allocate(size)
        self._released.callback(memory.close)
        return int(memory)

    def _table(self, manifest: Manifest) -> int:
        """The address of 0, 1, 2, ... in i64, which launches of unrolled loops read; 0 without loops."""
        if not any(isinstance(step, Repeat) for step in controls_in(manifest.steps)):
            return 0
        numbers = np.arange(MOST_LAUNCHES, dtype=np.int64)
        address = self._allocated(numbers.nbytes)
        self._call("cuMemcpyHtoD", address, numbers.ctypes.data, numbers.nbytes)
        return address


class _Running:
    """See `Workspace.running`. A class and not a generator, because every run passes here."""

    __slots__ = ("_pushed", "_space")

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._pushed = False

    def __enter__(self) -> None:
        self._pushed = self._space.device.enter()
        try:
            self._space.begin(self._space.main)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._space.failed()
        self._space.device.leave(self._pushed, error)
