"""One GPU: its primary context, its memory, and handles that are released exactly once."""

from __future__ import annotations

import contextlib
import weakref
from functools import cached_property
from types import TracebackType
from typing import Any

from ..errors import DeviceError, OutOfMemoryError
from .cuda_driver import Driver
from .device import Array
from .dlpack import memory_view


def find_device(driver: Driver, ordinal: int) -> Any:
    """The driver's handle of a GPU. Raises `DeviceError` if there is no such GPU, or no driver."""
    driver.call("cuInit", 0)
    count = int(driver.call("cuDeviceGetCount"))
    if ordinal >= count:
        raise DeviceError(f"there is no cuda:{ordinal}: this machine has {count} CUDA devices")
    return driver.call("cuDeviceGet", ordinal)


def compute_capability(driver: Driver, handle: Any) -> tuple[int, int]:
    """Compute capability of a GPU: major and minor version."""
    names = driver.api.CUdevice_attribute
    major = names.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
    minor = names.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
    found = [int(driver.call("cuDeviceGetAttribute", name, handle)) for name in (major, minor)]
    return found[0], found[1]


# Device attributes by the names that `device_figures` reports; clocks in kHz, sizes in bytes.
_FIGURES = {
    "major": "COMPUTE_CAPABILITY_MAJOR",
    "minor": "COMPUTE_CAPABILITY_MINOR",
    "multiprocessors": "MULTIPROCESSOR_COUNT",
    "clock_khz": "CLOCK_RATE",
    "memory_clock_khz": "MEMORY_CLOCK_RATE",
    "memory_bus_bits": "GLOBAL_MEMORY_BUS_WIDTH",
    "l2_bytes": "L2_CACHE_SIZE",
    "shared_per_block": "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN",
    "shared_per_multiprocessor": "MAX_SHARED_MEMORY_PER_MULTIPROCESSOR",
    "registers_per_multiprocessor": "MAX_REGISTERS_PER_MULTIPROCESSOR",
    "threads_per_multiprocessor": "MAX_THREADS_PER_MULTIPROCESSOR",
    "blocks_per_multiprocessor": "MAX_BLOCKS_PER_MULTIPROCESSOR",
}
_NAME_BYTES = 256


def device_figures(driver: Driver, ordinal: int) -> dict[str, int | str]:
    """A GPU's `name` and its attributes, keyed as in `_FIGURES`. Raises `DeviceError`."""
    handle = find_device(driver, ordinal)
    names = driver.api.CUdevice_attribute
    figures: dict[str, int | str] = {
        key: int(driver.call("cuDeviceGetAttribute", getattr(names, f"CU_DEVICE_ATTRIBUTE_{name}"), handle))
        for key, name in _FIGURES.items()
    }
    text: bytes = driver.call("cuDeviceGetName", _NAME_BYTES, handle)
    return {"name": text.split(b"\0")[0].decode(errors="replace"), **figures}


class CudaDevice:
    """A GPU whose primary context stays retained as long as anything refers to this object."""

    def __init__(self, driver: Driver, ordinal: int) -> None:
        self.driver = driver
        self.ordinal = ordinal
        self.name = f"cuda:{ordinal}"
        driver.check(ordinal)
        self.handle = find_device(driver, ordinal)
        self.capability = compute_capability(driver, self.handle)
        self.context = driver.call("cuDevicePrimaryCtxRetain", self.handle)
        weakref.finalize(self, _release_primary, driver, self.handle)

    @cached_property
    def multiprocessors(self) -> int:
        """Number of multiprocessors (SMs)."""
        name = self.driver.api.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
        return int(self.driver.call("cuDeviceGetAttribute", name, self.handle))

    def current(self) -> _Current:
        """Make the device's context current on the calling thread within the `with`.

        An error that destroys the context is remembered; from then on this raises `DeviceError` at once.
        """
        return _Current(self)

    def enter(self) -> bool:
        """Make the context current on the calling thread; whether it was pushed, and `leave` has to pop it.

        Raises `DeviceError` at once if an earlier error destroyed the context.
        """
        call = self.driver.call
        self.driver.check(self.ordinal)
        if int(call("cuCtxGetCurrent")) == int(self.context):
            return False
        call("cuCtxPushCurrent", self.context)
        return True

    def leave(self, pushed: bool, error: BaseException | None) -> None:
        """What follows `enter`; ERROR is what happened between them, and is remembered if it destroyed the
        context."""
        if isinstance(error, DeviceError):
            self.driver.lose(self.ordinal, error)
        if pushed:
            self.pop()

    def pop(self) -> None:
        """Restore the context that was current before. A failure is ignored."""
        # Popping a lost context can fail too; the original error is already propagating to the caller.
        with contextlib.suppress(DeviceError):
            self.driver.call("cuCtxPopCurrent")

    def create(self, release: str, function: str, *arguments: object) -> Handle:
        """Call the driver function FUNCTION and wrap its result in a handle that the function RELEASE
        frees."""
        return Handle(self, self.driver.call(function, *arguments), release)

    def allocate(self, size: int) -> Handle:
        """Allocate SIZE bytes of device memory. Raises `OutOfMemoryError` with the bytes wanted and free."""
        try:
            return self.create("cuMemFree", "cuMemAlloc", max(size, 1))
        except OutOfMemoryError as error:
            free, total = self.driver.call("cuMemGetInfo")
            raise OutOfMemoryError(
                f"{self.name} has too little memory: {size} bytes wanted, {int(free)} of {int(total)} free",
                hint="close other engines, or build the plan for a smaller maximum shape",
            ) from error

    def allocate_pinned(self, size: int) -> Handle:
        """Allocate SIZE bytes of pinned host memory, the staging memory of copies. Raises
        `OutOfMemoryError`."""
        try:
            return self.create("cuMemFreeHost", "cuMemHostAlloc", max(size, 1), 0)
        except OutOfMemoryError as error:
            raise OutOfMemoryError(f"the host cannot page-lock {size} bytes of memory") from error

    def release(self, function: str, value: Any) -> None:
        """Release a handle. Errors are ignored: no caller could act on them."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(DeviceError):
                self.driver.call("cuCtxPushCurrent", self.context)
                stack.callback(self.pop)
            with contextlib.suppress(DeviceError):
                self.driver.call(function, value)


class _Current:
    """A `with` block in which a device's context is current; nothing is pushed if it is already.

    A class and not a generator, because every call of a plan passes here.
    """

    __slots__ = ("_device", "_pushed")

    def __init__(self, device: CudaDevice) -> None:
        self._device = device
        self._pushed = False

    def __enter__(self) -> None:
        self._pushed = self._device.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._device.leave(self._pushed, error)


def _release_primary(driver: Driver, handle: Any) -> None:
    with contextlib.suppress(DeviceError):
        driver.call("cuDevicePrimaryCtxRelease", handle)


class Handle:
    """A driver resource, released when closed or when no longer referenced, whichever comes first."""

    def __init__(self, device: CudaDevice, value: Any, release: str) -> None:
        self.value = value
        self.closed = False
        self._finalizer = weakref.finalize(self, device.release, release, value)

    def __int__(self) -> int:
        return int(self.value)

    def close(self) -> None:
        """Release it now. A second call does nothing."""
        self._finalizer()
        self.closed = True

    def bytes(self, size: int) -> Array:
        """The first SIZE bytes of pinned memory, as an array of u8."""
        return memory_view(int(self.value), size)
