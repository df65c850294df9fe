"""Memory that a CUDA session keeps for its inputs and outputs, and the tensors that it returns."""

from __future__ import annotations

import weakref
from copy import copy as copied
from typing import Any

import numpy as np

from .cuda_device import CudaDevice, Handle
from .device import Array
from .dlpack import CUDA, export_tensor, row_major
from .dtypes import numpy_dtype
from .program import BoundTensor

_LEGACY_STREAM = 1  # `stream=None` means the legacy default stream in the DLPack protocol for CUDA


class Staging:
    """A staging pair, pinned and device memory, that grows to the largest tensor seen."""

    def __init__(self, device: CudaDevice, capacity: int) -> None:
        self._device = device
        self._capacity = capacity
        self._pinned: Handle | None = None
        self._memory: Handle | None = None

    def reserve(self, size: int) -> None:
        """Make room for a tensor of SIZE bytes; a smaller allocation is freed and replaced."""
        if size > self._capacity:
            self.close()
            self._capacity = size

    def pinned(self, tensor: BoundTensor) -> Array:
        """The pinned memory, viewed with the dtype and shape of TENSOR."""
        if self._pinned is None:
            self._pinned = self._device.allocate_pinned(self._capacity)
        flat = self._pinned.bytes(tensor.bytes) if tensor.bytes else np.empty(0, np.uint8)
        return flat.view(numpy_dtype(tensor.dtype)).reshape(tensor.shape)

    @property
    def address(self) -> int:
        """Device address of the device half."""
        if self._memory is None:
            self._memory = self._device.allocate(self._capacity)
        return int(self._memory)

    def close(self) -> None:
        """Free both halves."""
        for handle in (self._pinned, self._memory):
            if handle is not None:
                handle.close()
        self._pinned = self._memory = None


class OutputPool:
    """Device buffers of one output, recycled once the tensors that use them are no longer referenced."""

    def __init__(self, device: CudaDevice, capacity: int) -> None:
        self._device = device
        self._capacity = capacity
        self._free: list[tuple[Handle, int, frozenset[int]]] = []
        self._closed = False

    def take(self, size: int, stream: Any) -> Lease:
        """Lease a buffer of at least SIZE bytes; work on STREAM waits for the streams that used it before."""
        self._capacity = max(self._capacity, size)
        while self._free:
            memory, capacity, users = self._free.pop()
            if capacity >= size:
                lease = Lease(self, memory, capacity)
                for user in users:
                    self._order(user, stream)
                return lease
            memory.close()
        return Lease(self, self._device.allocate(self._capacity), self._capacity)

    def _order(self, earlier: int, later: Any) -> None:
        """Make work issued to stream LATER wait for all work issued to stream EARLIER so far."""
        untimed = 2  # CU_EVENT_DISABLE_TIMING
        event = self._device.create("cuEventDestroy", "cuEventCreate", untimed)
        try:
            self._device.driver.call("cuEventRecord", event.value, earlier)
            self._device.driver.call("cuStreamWaitEvent", later, event.value, 0)
        finally:
            event.close()

    def give_back(self, memory: Handle, capacity: int, users: set[int]) -> None:
        """Take a buffer back when its lease ends; any thread may call this."""
        if self._closed:
            memory.close()
        else:
            self._free.append((memory, capacity, frozenset(users)))

    def close(self) -> None:
        """Free every buffer that is not leased; the others are freed as their leases end."""
        self._closed = True
        while self._free:
            self._free.pop()[0].close()


class Lease:
    """The right to use one buffer of a pool; ends when released or no longer referenced."""

    def __init__(self, pool: OutputPool, memory: Handle, capacity: int) -> None:
        self.address = int(memory)
        self.users: set[int] = set()
        self._finalizer = weakref.finalize(self, pool.give_back, memory, capacity, self.users)

    def release(self) -> None:
        """End the lease now. A second call does nothing."""
        self._finalizer()


class DeviceTensor:
    """A result in GPU memory: dense, row-major, complete. Pass it on with ``torch.from_dlpack(t)``.

    Later runs reuse the memory only once this object, and all tensors that share its memory, are gone.
    """

    def __init__(self, device: CudaDevice, tensor: BoundTensor, lease: Lease) -> None:
        self.name = tensor.name
        self.dtype = tensor.dtype
        self.shape = tensor.shape
        self._whole = tensor.shape
        self._device = device
        self._lease = lease
        self._bytes = tensor.bytes

    def cut(self, shape: tuple[int, ...]) -> DeviceTensor:
        """The elements at the beginning of every axis, SHAPE of them, in the same memory: no longer
        dense where another axis than the first is cut."""
        part = copied(self)
        part.shape = shape
        return part

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack device type and ordinal of the GPU."""
        return CUDA, self._device.ordinal

    def __dlpack__(
        self, *, stream: int | None = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> object:
        """A DLPack capsule over the result, without a copy. The result is complete, so no stream needs to
        wait.

        Raises `BufferError` if a copy or another device is asked for.
        """
        if dl_device not in (None, self.__dlpack_device__()) or copy:
            raise BufferError("a result on the GPU is shared as it is: without a copy, on its own device")
        if stream != -1:  # -1: the consumer synchronises by itself
            self._lease.users.add(_LEGACY_STREAM if stream is None else stream)
        where, dense = self.__dlpack_device__(), self.shape[1:] == self._whole[1:]
        strides = None if dense else row_major(self._whole)
        return export_tensor(self._lease, self._lease.address, where, self.dtype, self.shape, strides)

    def numpy(self) -> Array:
        """Copy the result to host memory."""
        result: Array = np.empty(self._whole, numpy_dtype(self.dtype))
        if self._bytes:
            with self._device.current():
                self._device.driver.call("cuMemcpyDtoH", result.ctypes.data, self._lease.address, self._bytes)
        if self.shape == self._whole:
            return result
        return np.ascontiguousarray(result[tuple(map(slice, self.shape))])

    def __repr__(self) -> str:
        return f"DeviceTensor({self.dtype}{list(self.shape)} on {self._device.name})"
