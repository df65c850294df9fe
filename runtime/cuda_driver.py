"""Calls into the CUDA driver; every failure becomes a typed error.

`Driver` is the only access to `cuda.bindings.driver`; tests put a fake module in its place.
"""

from __future__ import annotations

from typing import Any

from cuda.bindings import driver as bindings

from ..errors import DeviceError, OutOfMemoryError

_OUT_OF_MEMORY = 2
_NOT_READY = 600
# Errors that destroy the CUDA context, so that all later calls fail too (CUDA driver API, "CUresult").
_STICKY = frozenset({214, 220, 226, 700, 702, 709, *range(710, 712), *range(714, 720), 721})
_NO_DRIVER_HINT = "install the NVIDIA driver, or use device='host'; building plans needs neither"


class DriverError(DeviceError):
    """A driver call failed with status `code`. Internal: callers react to certain codes."""

    def __init__(self, message: str, code: int, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.code = code
        self.lost = code in _STICKY


class Driver:
    """The CUDA driver API of one process: checked calls, and a record of the devices that are lost."""

    def __init__(self, api: Any = bindings) -> None:
        self.api = api
        self._lost: dict[int, str] = {}

    def call(self, function: str, *arguments: object) -> Any:
        """Call a driver function and return its results without the status. Raises `DriverError` or
        `DeviceError`."""
        try:
            answer = getattr(self.api, function)(*arguments)
        except (RuntimeError, AttributeError) as error:
            # RuntimeError when the library is not found, or lacks the function.
            raise DeviceError(f"the NVIDIA driver cannot be used: {error}", _NO_DRIVER_HINT) from error
        if answer[0]:
            raise self._failure(function, int(answer[0]))
        return answer[1] if len(answer) == 2 else answer[1:]

    def is_idle(self, stream: object) -> bool:
        """Whether everything issued to STREAM has ended. Raises `DeviceError`."""
        status = int(self.api.cuStreamQuery(stream)[0])
        if status not in (0, _NOT_READY):
            raise self._failure("cuStreamQuery", status)
        return status == 0

    def check(self, ordinal: int) -> None:
        """Raise `DeviceError` at once if an earlier failure destroyed the device's context."""
        if ordinal in self._lost:
            error = DeviceError(
                f"cuda:{ordinal} is unusable in this process since an earlier failure: {self._lost[ordinal]}",
                hint="restart the process; GLASSRT_DEBUG_SYNC=1 names the kernel that fails",
            )
            error.lost = True
            raise error

    def lose(self, ordinal: int, error: DeviceError) -> None:
        """Remember the first error that makes a device unusable; other errors are ignored."""
        if error.lost:
            self._lost.setdefault(ordinal, error.message)

    def _failure(self, function: str, code: int) -> DeviceError:
        if code == _OUT_OF_MEMORY:
            return OutOfMemoryError(f"the GPU has too little free memory ({function})")
        hint = None
        if code in _STICKY:
            hint = "restart the process; GLASSRT_DEBUG_SYNC=1 names the kernel that fails"
        return DriverError(f"{self._describe(code)} in {function}", code, hint)

    def _describe(self, code: int) -> str:
        """The driver's own name and description of an error."""
        try:
            result = self.api.CUresult(code)
            texts = [self.api.cuGetErrorName(result)[1], self.api.cuGetErrorString(result)[1]]
            return ": ".join(text.decode() for text in texts)
        except (RuntimeError, ValueError, AttributeError):  # a code unknown to the bindings
            return f"CUDA error {code}"
