"""Memory that a CUDA session keeps for its inputs and outputs, and the tensors that it returns."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from copy import copy as copied
from typing import Any, NamedTuple

import numpy as np

from .cuda_device import CudaDevice, Handle
from .cuda_streams import StreamWaits
from .device import Array
from .dlpack import CUDA, ExternalTensor, OwnTensor, export_tensor, row_major
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
        self._viewed: tuple[BoundTensor, Array] | None = None
        self.address = 0  # of the device half; 0 until `reserve`
        self.host_address = 0  # of the pinned half; 0 until `pinned`

    def reserve(self, size: int) -> int:
        """Make room for a tensor of SIZE bytes, and return the address of the device half; a smaller
        allocation is freed and replaced."""
        if size > self._capacity:
            self.close()
            self._capacity = size
        if self._memory is None:
            self._memory = self._device.allocate(self._capacity)
            self.address = int(self._memory)
        return self.address

    def pinned(self, tensor: BoundTensor) -> Array:
        """The pinned memory, viewed with the dtype and shape of TENSOR, for which room was made."""
        if self._viewed is None or self._viewed[0] is not tensor:
            self._viewed = tensor, self._view(tensor)
        return self._viewed[1]

    def _view(self, tensor: BoundTensor) -> Array:
        if self._pinned is None:
            self._pinned = self._device.allocate_pinned(self._capacity)
            self.host_address = int(self._pinned)
        flat = self._pinned.bytes(tensor.bytes) if tensor.bytes else np.empty(0, np.uint8)
        return flat.view(numpy_dtype(tensor.dtype)).reshape(tensor.shape)

    def close(self) -> None:
        """Free both halves."""
        for handle in (self._pinned, self._memory):
            if handle is not None:
                handle.close()
        self._pinned = self._memory = self._viewed = None
        self.address = self.host_address = 0


class PoolBuffer(NamedTuple):
    """A buffer of a pool: its handle, address, and capacity in bytes."""

    memory: Handle
    address: int
    capacity: int


class OutputPool:
    """Device buffers of one output, recycled once the tensors that use them are no longer referenced."""

    def __init__(self, device: CudaDevice, capacity: int, stream: Any, order: StreamWaits) -> None:
        self._device = device
        self._capacity = capacity
        self._stream = stream
        self._order = order
        self._free: list[tuple[PoolBuffer, set[int]]] = []
        self._kept: list[Lease] = []
        self._closed = False

    def take(self, size: int) -> Lease:
        """Lease a buffer of at least SIZE bytes; the stream waits for those that used it before."""
        self._capacity = max(self._capacity, size)
        while self._free:
            buffer, users = self._free.pop()
            if buffer.capacity >= size:
                lease = Lease(self, buffer)
                if users:
                    self._await(users)
                return lease
            buffer.memory.close()
        memory = self._device.allocate(self._capacity)
        return Lease(self, PoolBuffer(memory, int(memory), self._capacity))

    def kept(self, size: int, read: Collection[int]) -> Lease:
        """A lease of at least SIZE bytes that the pool itself keeps, for results that are overwritten.

        READ are the addresses of what the run reads: a result that is fed back is not overwritten by it.
        """
        self._kept = [lease for lease in self._kept if lease.capacity >= size]
        for lease in self._kept:
            if not any(lease.address <= at < lease.address + lease.capacity for at in read):
                self._await(lease.users)
                lease.users.clear()
                return lease
        self._kept.append(self.take(size))
        return self._kept[-1]

    def _await(self, users: Iterable[int]) -> None:
        for user in users:
            self._order.follow(self._stream, user)

    def give_back(self, buffer: PoolBuffer, users: set[int]) -> None:
        """Take a buffer back when its lease ends; any thread may call this."""
        if self._closed:
            buffer.memory.close()
        else:
            self._free.append((buffer, users))

    def close(self) -> None:
        """Free every buffer that is not leased; the others are freed as their leases end."""
        self._closed = True
        self._kept = []
        while self._free:
            self._free.pop()[0].memory.close()


class Lease:
    """The right to use one buffer of a pool; ends when released or no longer referenced."""

    __slots__ = ("_buffer", "_pool", "address", "capacity", "users")

    def __init__(self, pool: OutputPool, buffer: PoolBuffer) -> None:
        _, self.address, self.capacity = self._buffer = buffer
        self.users: set[int] = set()
        self._pool: OutputPool | None = pool

    def release(self) -> None:
        """End the lease now. A second call does nothing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.give_back(self._buffer, self.users)

    def __del__(self) -> None:
        self.release()


class DeviceTensor(OwnTensor):
    """A result in GPU memory: dense, row-major, complete. Pass it on with ``torch.from_dlpack(t)``.

    Later runs reuse the memory only once this object, and all tensors that share its memory, are gone.
    """

    __slots__ = ("__weakref__", "_bytes", "_device", "_lease", "_whole", "dtype", "name", "shape")

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

    def reshape(self, shape: tuple[int, ...]) -> DeviceTensor:
        """The same elements in the same memory, of another SHAPE; the tensor is dense."""
        part = copied(self)
        part.shape = part._whole = shape
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

    def borrowed(self) -> ExternalTensor:
        """As `OwnTensor.borrowed`; the result is complete."""
        where, dense = self.__dlpack_device__(), self.shape[1:] == self._whole[1:]
        return ExternalTensor(self._lease.address, where, self.dtype, self.shape, dense, self)

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
