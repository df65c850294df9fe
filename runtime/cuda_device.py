"""One GPU: its primary context, its memory, and handles that are released exactly once."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from functools import cached_property
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
    """Major and minor version of what a GPU can do."""
    names = driver.api.CUdevice_attribute
    major = names.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
    minor = names.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
    found = [int(driver.call("cuDeviceGetAttribute", name, handle)) for name in (major, minor)]
    return found[0], found[1]


class CudaDevice:
    """A GPU whose primary context stays retained as long as anything refers to this object."""

    def __init__(self, driver: Driver, ordinal: int) -> None:
        self.driver = driver
        self.ordinal = ordinal
        self.name = f"cuda:{ordinal}"
        driver.check(ordinal)
        self.handle = find_device(driver, ordinal)
        self.capability = compute_capability(driver, self.handle)
        self._context = driver.call("cuDevicePrimaryCtxRetain", self.handle)
        weakref.finalize(self, _release_primary, driver, self.handle)

    @cached_property
    def multiprocessors(self) -> int:
        """How many multiprocessors the GPU has."""
        name = self.driver.api.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
        return int(self.driver.call("cuDeviceGetAttribute", name, self.handle))

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """The device's context is the calling thread's current one inside.

        A failure that takes the context with it is remembered; afterwards this raises at once.
        """
        self.driver.check(self.ordinal)
        self.driver.call("cuCtxPushCurrent", self._context)
        try:
            yield
        except DeviceError as error:
            self.driver.lose(self.ordinal, error)
            raise
        finally:
            self._pop()

    def _pop(self) -> None:
        # A lost context cannot always be popped, and the reason is already on its way to the caller.
        with contextlib.suppress(DeviceError):
            self.driver.call("cuCtxPopCurrent")

    def create(self, release: str, function: str, *arguments: object) -> Handle:
        """What a driver function creates, to be released by the function `release`."""
        return Handle(self, self.driver.call(function, *arguments), release)

    def allocate(self, size: int) -> Handle:
        """Device memory. Raises `OutOfMemoryError` with the bytes wanted and free."""
        try:
            return self.create("cuMemFree", "cuMemAlloc", max(size, 1))
        except OutOfMemoryError as error:
            free, total = self.driver.call("cuMemGetInfo")
            raise OutOfMemoryError(
                f"{self.name} has too little memory: {size} bytes wanted, {int(free)} of {int(total)} free",
                hint="close other engines, or build the plan for a smaller maximum shape",
            ) from error

    def allocate_pinned(self, size: int) -> Handle:
        """Page-locked host memory, which copies run through."""
        try:
            return self.create("cuMemFreeHost", "cuMemHostAlloc", max(size, 1), 0)
        except OutOfMemoryError as error:
            raise OutOfMemoryError(f"the host cannot page-lock {size} bytes of memory") from error

    def release(self, function: str, value: Any) -> None:
        """Release a handle. Failures are passed over: there is nothing left to be done about them."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(DeviceError):
                self.driver.call("cuCtxPushCurrent", self._context)
                stack.callback(self._pop)
            with contextlib.suppress(DeviceError):
                self.driver.call(function, value)


def _release_primary(driver: Driver, handle: Any) -> None:
    with contextlib.suppress(DeviceError):
        driver.call("cuDevicePrimaryCtxRelease", handle)


class Handle:
    """Something the driver gave, released when closed or no longer referred to, whichever is first."""

    def __init__(self, device: CudaDevice, value: Any, release: str) -> None:
        self.value = value
        self._finalizer = weakref.finalize(self, device.release, release, value)

    def __int__(self) -> int:
        return int(self.value)

    def close(self) -> None:
        """Release it now. A second call does nothing."""
        self._finalizer()

    def bytes(self, size: int) -> Array:
        """The first `size` bytes of page-locked memory."""
        return memory_view(int(self.value), size)
