"""The addresses of a call's tensors on a GPU; they are copied only if the caller's memory cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .cuda_call import CudaCall, CudaCopy
from .cuda_device import CudaDevice
from .cuda_direct import MOST_BYTES, direct_outputs
from .cuda_driver import DriverError
from .cuda_memory import DeviceTensor, OutputPool, Staging
from .cuda_sources import Sources, device_tensor
from .cuda_streams import StreamWaits
from .device import Array, Value
from .dlpack import CUDA, SOME_GPU, ExternalTensor, Library
from .dtypes import numpy_dtype
from .manifest import Manifest, TensorSpec
from .plan_check import corners
from .program import BoundTensor, Program, bind_tensor
from .tensors import ADDRESS_ALIGNMENT, as_array, host_array


class Pinned(NamedTuple):
    """A result in the memory `pinned`, to be copied into the tensor `given`; into a new array without one."""

    pinned: Array
    given: Value | None

    def delivered(self) -> object:
        """The result for the caller."""
        if self.given is None:
            return self.pinned.copy()
        array = as_array(self.given)
        if array is not None:
            np.copyto(array, self.pinned)
        return self.given


# Where the caller finds a result: in memory of the device, in a tensor that was given, or by a copy.
Target = DeviceTensor | Value | Pinned


class Transfers:
    """The input and output memory of one session, all of it used on one stream.

    FIXED are the addresses of what does not depend on a call: the arena, the weights, the iterations.
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
        self._fixed = fixed
        self._inputs = [Staging(device, size) for size in _capacities(manifest, manifest.inputs)]
        self._results = [Staging(device, size) for size in _capacities(manifest, manifest.outputs)]
        self._pools = [
            OutputPool(device, size, stream, order) for size in _capacities(manifest, manifest.outputs)
        ]
        self._direct = direct_outputs(manifest)
        self._updates = manifest.updates
        self._arrays: dict[str, Array] = {}  # results in host memory that are overwritten
        self._sources: Sources | None = None  # of the last call

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
        sources = self._sources
        if sources is None or not sources.again(program, inputs):
            sources = self._sources = Sources(program, inputs, self._inputs)
        read = sources.addresses if reuse else None
        after: list[CudaCopy] = []
        places: list[int] = []
        targets: list[Target] = []
        for index, (tensor, given) in enumerate(zip(program.outputs, outputs, strict=True)):
            if index in self._updates:
                read_at = self._updates[index]
                place, value = sources.addresses[read_at], inputs[read_at]
                places.append(place)
                targets.append(self._updated(index, tensor, place, value, after))
            elif given is None and on_device:
                pool = self._pools[index]
                lease = pool.take(tensor.bytes) if read is None else pool.kept(tensor.bytes, read)
                places.append(lease.address)
                targets.append(DeviceTensor(self._device, tensor, lease))
            else:
                place, target = self._target(index, tensor, given, reuse, after)
                places.append(place)
                targets.append(target)
        return sources.call(self._fixed, tuple(places), tuple(after)), targets

    def in_own_memory(self, call: CudaCall) -> tuple[list[CudaCopy], CudaCall, list[CudaCopy]]:
        """CALL as copies, a call that works on the memory of this session alone, and copies."""
        before, after = list(call.before), list(call.after)
        program, addresses = call.program, call.addresses
        sources, places = [], []
        for tensor, address, staging in zip(program.inputs, addresses.inputs, self._inputs, strict=True):
            sources.append(staging.reserve(tensor.bytes))
            if address != sources[-1] and tensor.bytes:
                before.append(CudaCopy("cuMemcpyDtoDAsync", sources[-1], address, tensor.bytes))
        every = zip(program.outputs, addresses.outputs, self._results, strict=True)
        for index, (tensor, address, staging) in enumerate(every):
            if index in self._updates:
                own_place = sources[self._updates[index]]
            else:
                own_place = staging.reserve(tensor.bytes)
            places.append(address if address == staging.host_address else own_place)
            if address != places[-1] and tensor.bytes:
                after.append(CudaCopy("cuMemcpyDtoDAsync", address, places[-1], tensor.bytes))
        own = addresses._replace(inputs=tuple(sources), outputs=tuple(places))
        return before, CudaCall(program, own), after

    def fetched(self, value: Value) -> Array:
        """The elements of VALUE in host memory. Waits for the stream where they have to be copied."""
        given = device_tensor(value)
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
        return [target.delivered() if type(target) is Pinned else target for target in targets]

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
        asked: list[Library] = []
        for group in groups:
            for value in group:
                if type(value) is not ExternalTensor:
                    continue
                stream, library = value.stream, value.library
                if library is not None:
                    if library in asked or value.in_host_memory:
                        continue
                    asked.append(library)  # which has one current stream on this GPU
                    stream = library.stream_on(value.device)
                elif value.device[1] == SOME_GPU:
                    self._check_is_here(value)
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

    def _target(
        self,
        index: int,
        tensor: BoundTensor,
        given: Value | None,
        reuse: bool,
        after: list[CudaCopy],
    ) -> tuple[int, Target]:
        """The address on which the program writes an output that is given, or goes to host memory, and where
        the caller finds it; a copy that it needs is added to AFTER."""
        own, size = device_tensor(given), tensor.bytes
        if own is not None and own.pointer % ADDRESS_ALIGNMENT == 0 and size:
            return own.pointer, own
        staging = self._results[index]
        place = staging.reserve(size)
        if own is not None:
            if size:
                after.append(CudaCopy("cuMemcpyDtoDAsync", own.pointer, place, size))
            return place, own
        if given is None and reuse:
            given = self._overwritten(tensor)
        pinned = staging.pinned(tensor)
        if index in self._direct and 0 < size <= MOST_BYTES:
            place = staging.host_address
        elif size:
            after.append(CudaCopy("cuMemcpyDtoHAsync", staging.host_address, place, size))
        return place, Pinned(pinned, given)

    def _updated(
        self, index: int, tensor: BoundTensor, place: int, value: Value, after: list[CudaCopy]
    ) -> Target:
        """Where the caller finds an output that is in PLACE, the memory of the input VALUE; a copy that it
        needs is added to AFTER."""
        own, size = device_tensor(value), tensor.bytes
        if own is not None:
            if own.pointer != place and size:
                after.append(CudaCopy("cuMemcpyDtoDAsync", own.pointer, place, size))
            return own
        staging = self._results[index]
        staging.reserve(size)
        pinned = staging.pinned(tensor)
        if size:
            after.append(CudaCopy("cuMemcpyDtoHAsync", staging.host_address, place, size))
        return Pinned(pinned, value)

    def _overwritten(self, tensor: BoundTensor) -> Array:
        """The array of this session for an output, which the next run overwrites."""
        kept = self._arrays.get(tensor.name)
        if kept is None or kept.shape != tensor.shape:
            kept = self._arrays[tensor.name] = np.empty(tensor.shape, numpy_dtype(tensor.dtype))
        return kept


def placed_copy(device: CudaDevice, data: Array) -> ExternalTensor:
    """A copy of the bytes DATA in an allocation of its own on DEVICE, which is current."""
    memory = device.allocate(data.nbytes)
    if data.nbytes:
        device.driver.call("cuMemcpyHtoD", memory.value, data.ctypes.data, data.nbytes)
    return ExternalTensor(int(memory), (CUDA, device.ordinal), "u8", data.shape, True, memory)


def _capacities(manifest: Manifest, tensors: Sequence[TensorSpec]) -> list[int]:
    """The largest size of each tensor, in bytes, over the symbols' ranges."""
    ends = corners(manifest)
    return [max((bind_tensor(tensor, symbols).bytes for symbols in ends), default=0) for tensor in tensors]
