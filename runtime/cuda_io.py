"""The addresses of a call's tensors on a GPU; they are copied only if the caller's memory cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .cuda_call import Addresses, CudaCall, CudaCopy
from .cuda_device import CudaDevice
from .cuda_driver import DriverError
from .cuda_memory import DeviceTensor, Lease, OutputPool, Staging
from .cuda_streams import StreamWaits
from .device import Array, Value
from .dlpack import CUDA, SOME_GPU, ExternalTensor
from .dtypes import numpy_dtype
from .manifest import Manifest, TensorSpec
from .plan_check import corners
from .program import BoundTensor, Program, bind_tensor
from .tensors import ADDRESS_ALIGNMENT, as_array, host_array


class Target(NamedTuple):
    """Where the caller finds an output: in the leased memory, or in the tensor `given`, into which it may
    have to be copied from the pinned memory; in a new array where there is neither."""

    tensor: BoundTensor
    given: Value | None = None
    lease: Lease | None = None
    pinned: Array | None = None


class Transfers:
    """The input and output memory of one session, all of it used on one stream.

    ARENA, WEIGHTS and ITERATIONS are the addresses of what does not depend on a call.
    """

    def __init__(
        self,
        device: CudaDevice,
        manifest: Manifest,
        stream: Any,
        order: StreamWaits,
        fixed: tuple[int, int, int],
    ) -> None:
        self._device = device
        self._stream = stream
        self._order = order
        self._arena, self._weights, self._iterations = fixed
        self._inputs = [Staging(device, size) for size in _capacities(manifest, manifest.inputs)]
        self._results = [Staging(device, size) for size in _capacities(manifest, manifest.outputs)]
        self._pools = [
            OutputPool(device, size, stream, order) for size in _capacities(manifest, manifest.outputs)
        ]
        self._arrays: dict[str, Array] = {}  # results in host memory that are overwritten

    def placed(
        self,
        program: Program,
        inputs: Sequence[Value],
        outputs: Sequence[Value | None],
        on_device: bool,
        reuse: bool = False,
    ) -> tuple[CudaCall, list[Target]]:
        """The call of PROGRAM with these tensors, and the locations of its results.

        Inputs in host memory are in pinned memory on return; their copies to the device are part of the call.
        """
        self.await_writers(inputs, outputs)
        before: list[CudaCopy] = []
        after: list[CudaCopy] = []
        sources = tuple(
            [self._source(*each, before) for each in zip(program.inputs, inputs, self._inputs, strict=True)]
        )
        places: list[int] = []
        targets: list[Target] = []
        for index, (tensor, given) in enumerate(zip(program.outputs, outputs, strict=True)):
            place, target = self._target(index, tensor, given, on_device, sources if reuse else None, after)
            places.append(place)
            targets.append(target)
        addresses = Addresses(self._arena, self._weights, sources, tuple(places), self._iterations)
        return CudaCall(program, addresses, tuple(before), tuple(after)), targets

    def in_own_memory(self, call: CudaCall) -> tuple[list[CudaCopy], CudaCall, list[CudaCopy]]:
        """CALL as copies, a call that works on the memory of this session alone, and copies."""
        before, after = list(call.before), list(call.after)
        program, addresses = call.program, call.addresses
        sources, places = [], []
        for tensor, address, staging in zip(program.inputs, addresses.inputs, self._inputs, strict=True):
            sources.append(staging.reserve(tensor.bytes))
            if address != sources[-1] and tensor.bytes:
                before.append(CudaCopy("cuMemcpyDtoDAsync", sources[-1], address, tensor.bytes))
        for tensor, address, staging in zip(program.outputs, addresses.outputs, self._results, strict=True):
            places.append(staging.reserve(tensor.bytes))
            if address != places[-1] and tensor.bytes:
                after.append(CudaCopy("cuMemcpyDtoDAsync", address, places[-1], tensor.bytes))
        own = addresses._replace(inputs=tuple(sources), outputs=tuple(places))
        return before, CudaCall(program, own), after

    def fetched(self, value: Value) -> Array:
        """The elements of VALUE in host memory. Waits for the stream where they have to be copied."""
        given = _device_tensor(value)
        if given is None:
            return host_array(value)
        self.await_writers([given])
        copy: Array = np.empty(given.shape, numpy_dtype(given.dtype))
        if copy.nbytes:
            call = self._device.driver.call
            call("cuMemcpyDtoHAsync", copy.ctypes.data, given.pointer, copy.nbytes, self._stream)
            call("cuStreamSynchronize", self._stream)
        return copy

    def results(self, targets: Sequence[Target]) -> list[object]:
        """The results for the caller; to be called after the stream has finished."""
        return [self._result(target) for target in targets]

    def close(self) -> None:
        """Free all memory that is not leased out."""
        for staging in (*self._inputs, *self._results):
            staging.close()
        for pool in self._pools:
            pool.close()

    def await_writers(self, *groups: Sequence[Value | None]) -> None:
        """Make the stream wait for those on which tensors of the caller may still be written.

        Raises `InputError` for a tensor on another GPU whose library did not say so.
        """
        awaited: list[int] = []
        for group in groups:
            for value in group:
                if type(value) is not ExternalTensor:
                    continue
                if value.device[1] == SOME_GPU:
                    self._check_is_here(value)
                stream = value.stream
                if stream is not None and stream not in awaited:
                    awaited.append(stream)
                    if not self._device.driver.is_idle(stream):  # an event takes time on the GPU, too
                        self._order.follow(self._stream, stream)

    def _check_is_here(self, value: ExternalTensor) -> None:
        """Raise `InputError` unless the memory of a tensor is this GPU's."""
        driver = self._device.driver
        name = driver.api.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
        if not value.bytes:
            return
        try:
            here = int(driver.call("cuPointerGetAttribute", name, value.pointer))
        except DriverError as error:
            raise InputError(f"the driver does not know the memory of a tensor: {error.message}") from error
        if here != self._device.ordinal:
            raise InputError(f"a tensor is on cuda:{here}, the engine on {self._device.name}")

    def _source(self, tensor: BoundTensor, value: Value, staging: Staging, before: list[CudaCopy]) -> int:
        """The address on which the program reads an input; a copy that it needs is added to BEFORE."""
        given, size = _device_tensor(value), tensor.bytes
        if given is not None and given.pointer % ADDRESS_ALIGNMENT == 0 and size:
            return given.pointer
        to = staging.reserve(size)
        if not size:
            pass
        elif given is not None:
            before.append(CudaCopy("cuMemcpyDtoDAsync", to, given.pointer, size))
        else:
            np.copyto(staging.pinned(tensor), host_array(value))
            before.append(CudaCopy("cuMemcpyHtoDAsync", to, staging.host_address, size))
        return to

    def _target(
        self,
        index: int,
        tensor: BoundTensor,
        given: Value | None,
        on_device: bool,
        read: Sequence[int] | None,
        after: list[CudaCopy],
    ) -> tuple[int, Target]:
        """The address on which the program writes an output, and where the caller finds it; a copy that it
        needs is added to AFTER.

        READ: the addresses that the run reads, if its results may be overwritten later; None if not.
        """
        own, size = _device_tensor(given), tensor.bytes
        if own is not None and own.pointer % ADDRESS_ALIGNMENT == 0 and size:
            return own.pointer, Target(tensor, given)
        if given is None and on_device:
            pool = self._pools[index]
            lease = pool.take(size) if read is None else pool.kept(size, read)
            return lease.address, Target(tensor, lease=lease)
        staging = self._results[index]
        place = staging.reserve(size)
        if given is None and read is not None:
            given = self._overwritten(tensor)
        if own is not None:
            if size:
                after.append(CudaCopy("cuMemcpyDtoDAsync", own.pointer, place, size))
            return place, Target(tensor, given)
        pinned = staging.pinned(tensor)
        if size:
            after.append(CudaCopy("cuMemcpyDtoHAsync", staging.host_address, place, size))
        return place, Target(tensor, given, pinned=pinned)

    def _overwritten(self, tensor: BoundTensor) -> Array:
        """The array of this session for an output, which the next run overwrites."""
        kept = self._arrays.get(tensor.name)
        if kept is None or kept.shape != tensor.shape:
            kept = self._arrays[tensor.name] = np.empty(tensor.shape, numpy_dtype(tensor.dtype))
        return kept

    def _result(self, target: Target) -> object:
        tensor, given, lease, pinned = target
        if lease is not None:
            return DeviceTensor(self._device, tensor, lease)
        if pinned is None:
            return given
        if given is None:
            return pinned.copy()
        array = as_array(given)
        if array is not None:
            np.copyto(array, pinned)
        return given


def placed_copy(device: CudaDevice, data: Array) -> ExternalTensor:
    """A copy of the bytes DATA in an allocation of its own on DEVICE, which is current."""
    memory = device.allocate(data.nbytes)
    if data.nbytes:
        device.driver.call("cuMemcpyHtoD", memory.value, data.ctypes.data, data.nbytes)
    return ExternalTensor(int(memory), (CUDA, device.ordinal), "u8", data.shape, True, memory)


def _device_tensor(value: Value | None) -> ExternalTensor | None:
    """The value if it is in GPU memory, else None."""
    return value if type(value) is ExternalTensor and not value.in_host_memory else None


def _capacities(manifest: Manifest, tensors: Sequence[TensorSpec]) -> list[int]:
    """The largest size of each tensor, in bytes, over the symbols' ranges."""
    ends = corners(manifest)
    return [max((bind_tensor(tensor, symbols).bytes for symbols in ends), default=0) for tensor in tensors]
