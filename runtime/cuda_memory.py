"""Memory that one CUDA session keeps for its inputs and outputs, and the tensors it hands out."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from .cuda_device import CudaDevice, Handle
from .device import Array
from .dlpack import CUDA, export_tensor
from .dtypes import numpy_dtype
from .program import BoundTensor

_LEGACY_STREAM = 1  # what `stream=None` means for CUDA in the DLPack protocol


class Staging:
    """A pair of page-locked and device memory that grows to the largest tensor seen."""

    def __init__(self, device: CudaDevice, capacity: int) -> None:
        self._device = device
        self._capacity = capacity
        self._pinned: Handle | None = None
        self._memory: Handle | None = None

    def reserve(self, size: int) -> None:
        """Make room for a tensor of `size` bytes; frees what was there if it is too small."""
        if size > self._capacity:
            self.close()
            self._capacity = size

    def pinned(self, tensor: BoundTensor) -> Array:
        """The page-locked memory in the form of `tensor`."""
        if self._pinned is None:
            self._pinned = self._device.allocate_pinned(self._capacity)
        flat = self._pinned.bytes(tensor.bytes) if tensor.bytes else np.empty(0, np.uint8)
        return flat.view(numpy_dtype(tensor.dtype)).reshape(tensor.shape)

    @property
    def address(self) -> int:
        """Address of the device memory."""
        if self._memory is None:
            self._memory = self._device.allocate(self._capacity)
        return int(self._memory)

    def close(self) -> None:
        """Release both."""
        for handle in (self._pinned, self._memory):
            if handle is not None:
                handle.close()
        self._pinned = self._memory = None


class OutputPool:
    """Device buffers of one output, used again once the tensors that were handed out are gone."""

    def __init__(self, device: CudaDevice, capacity: int) -> None:
        self._device = device
        self._capacity = capacity
        self._free: list[tuple[Handle, int, frozenset[int]]] = []
        self._closed = False

    def take(self, size: int, stream: Any) -> Lease:
        """A buffer of at least `size` bytes; work on `stream` waits for those who used it before."""
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
        """Let work on stream `later` wait for what stream `earlier` has been given so far."""
        untimed = 2  # CU_EVENT_DISABLE_TIMING
        event = self._device.create("cuEventDestroy", "cuEventCreate", untimed)
        try:
            self._device.driver.call("cuEventRecord", event.value, earlier)
            self._device.driver.call("cuStreamWaitEvent", later, event.value, 0)
        finally:
            event.close()

    def give_back(self, memory: Handle, capacity: int, users: set[int]) -> None:
        """Take a buffer back from a lease; may be called by any thread."""
        if self._closed:
            memory.close()
        else:
            self._free.append((memory, capacity, frozenset(users)))

    def close(self) -> None:
        """Release every buffer that is not lent out; the others go as their leases end."""
        self._closed = True
        while self._free:
            self._free.pop()[0].close()


class Lease:
    """The right to use one buffer of a pool, which ends when released or no longer referred to."""

    def __init__(self, pool: OutputPool, memory: Handle, capacity: int) -> None:
        self.address = int(memory)
        self.users: set[int] = set()
        self._finalizer = weakref.finalize(self, pool.give_back, memory, capacity, self.users)

    def release(self) -> None:
        """End the lease now. A second call does nothing."""
        self._finalizer()


class DeviceTensor:
    """A result in GPU memory: dense, row-major, finished. Hand it on with ``torch.from_dlpack(t)``.

    The memory is used again by later runs only after this object and all tensors made from it are gone.
    """

    def __init__(self, device: CudaDevice, tensor: BoundTensor, lease: Lease) -> None:
        self.name = tensor.name
        self.dtype = tensor.dtype
        self.shape = tensor.shape
        self._device = device
        self._lease = lease
        self._bytes = tensor.bytes

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack type and ordinal of the GPU."""
        return CUDA, self._device.ordinal

    def __dlpack__(
        self, *, stream: int | None = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> object:
        """A capsule over the result. It is finished, so the consumer's stream has nothing to wait for."""
        if dl_device not in (None, self.__dlpack_device__()) or copy:
            raise BufferError("a result on the GPU is shared as it is: without a copy, on its own device")
        if stream != -1:  # -1: the consumer orders its work itself
            self._lease.users.add(_LEGACY_STREAM if stream is None else stream)
        return export_tensor(
            self._lease, self._lease.address, self.__dlpack_device__(), self.dtype, self.shape
        )

    def numpy(self) -> Array:
        """A copy in host memory."""
        result: Array = np.empty(self.shape, numpy_dtype(self.dtype))
        if self._bytes:
            with self._device.current():
                self._device.driver.call("cuMemcpyDtoH", result.ctypes.data, self._lease.address, self._bytes)
        return result

    def __repr__(self) -> str:
        return f"DeviceTensor({self.dtype}{list(self.shape)} on {self._device.name})"
