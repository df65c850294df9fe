"""Ordering between the streams of one session and of libraries that share tensors with it."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from .cuda_device import CudaDevice, Handle

UNTIMED = 2  # CU_EVENT_DISABLE_TIMING
_HANDLES = 1 << 64


class StreamWaits:
    """Makes streams wait for each other by one event, recorded anew each time.

    A wait refers to the latest record when it is issued, so that the event can be used again at once. Source:
    CUDA driver API, cuStreamWaitEvent.
    """

    def __init__(self, device: CudaDevice) -> None:
        self._device = device
        self._event: Handle | None = None

    def follow(self, later: Any, earlier: Any) -> None:
        """Order all later work of the stream LATER after all work issued so far to EARLIER."""
        if self._event is None:
            self._event = self._device.create("cuEventDestroy", "cuEventCreate", UNTIMED)
        self._device.driver.call("cuEventRecord", self._event.value, earlier)
        self._device.driver.call("cuStreamWaitEvent", later, self._event.value, 0)

    def close(self) -> None:
        """Destroy the event. A second call does nothing."""
        if self._event is not None:
            self._event.close()
            self._event = None


def stream_handle(stream: Any) -> int:
    """The driver's handle of STREAM: a number or a stream of cuda.bindings, cuda.core, PyTorch, CuPy, Numba.

    Raises `InputError` for anything else. Source: cuda.core, the protocol `__cuda_stream__`.
    """
    if type(stream) is int and 0 <= stream < _HANDLES:
        return stream
    try:
        if isinstance(stream, (int, float, str, bytes)):
            raise TypeError(f"it is {stream!r}")
        handle = int(_handle_of(stream))
        if not 0 <= handle < _HANDLES:
            raise ValueError(f"its handle is {handle}")
        return handle
    except Exception as error:  # whatever another library's stream raises
        kinds = "a handle, or a stream of cuda.bindings, cuda.core, PyTorch, CuPy or Numba"
        raise InputError(
            f"a {type(stream).__name__} is not a CUDA stream: {error}", f"pass {kinds}"
        ) from error


def _handle_of(stream: Any) -> Any:
    for attribute in ("cuda_stream", "ptr"):  # PyTorch, CuPy
        handle = getattr(stream, attribute, None)
        if handle is not None:
            return handle
    if hasattr(stream, "__cuda_stream__"):
        return stream.__cuda_stream__()[1]
    return stream
