"""A call on a GPU with fixed tensors, for repeated launches on any stream."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import DeviceError
from .cuda_call import CudaCall
from .cuda_launch import Launcher
from .cuda_streams import stream_handle
from .cuda_workspace import Workspace


class CudaBinding:
    """Launches CALL by START, which takes a stream; implements `device.BoundCall`.

    KEPT is what must live as long: the call's graph and its tensors.
    """

    def __init__(
        self,
        space: Workspace,
        launcher: Launcher,
        call: CudaCall,
        start: Callable[[Any], object],
        kept: Sequence[object],
    ) -> None:
        self._space = space
        self._launcher = launcher
        self._call = call
        self._start = start
        self._kept = kept
        self._device = space.device
        self._under_way = False

    def launch(self, stream: object) -> None:
        """Launch on STREAM, or on the session's own; into the graph if STREAM is being captured."""
        space = self._space
        with self._device.current():
            if stream is None:
                self._launch(space.main, space.streams[0], None)
                return
            handle = stream_handle(stream)
            if space.is_capturing(handle):
                self._add_to_capture(handle)
            else:
                self._launch(handle, handle, stream)

    def _launch(self, handle: int, stream: Any, keeper: object) -> None:
        self._under_way = True
        try:
            self._space.begin(handle, keeper)
            self._start(stream)
        except BaseException:
            self._space.failed()
            raise

    def wait(self) -> None:
        """Wait for the launches; see `device.BoundCall`."""
        with self._device.current():
            try:
                self._space.synchronize()
            except DeviceError:
                self._space.zeroed = False
                raise
        self._under_way = False

    def _add_to_capture(self, stream: int) -> None:
        """Issue the kernels one by one to STREAM, which is being captured: so they become nodes of its graph,
        and dependent ones overlap there as they do in a graph of their own."""
        if not self._call.program.straight:
            raise DeviceError(
                "a plan with branches or loops cannot be captured into another graph",
                hint="launch it on a stream that is not being captured",
            )
        if not self._space.zeroed:
            raise DeviceError(
                "an earlier call of this context failed, and left counters in its memory",
                hint="call wait() and launch() once before a capture",
            )
        self._launcher.issue_call(self._call, [stream, *self._space.streams[1:]])

    def __del__(self) -> None:
        # The memory of its tensors may be reused as soon as they are freed.
        if getattr(self, "_under_way", False) and not self._space.closed:
            with contextlib.suppress(Exception), self._device.current():
                self._device.driver.call("cuStreamSynchronize", self._space.busy)
