"""Moves inputs to a GPU and results back; copies only where the caller's memory cannot be used directly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cuda_device import CudaDevice
from .cuda_memory import DeviceTensor, Lease, OutputPool, Staging
from .device import Array, Value
from .dlpack import ExternalTensor
from .dtypes import numpy_dtype
from .manifest import Manifest, TensorSpec
from .plan_check import corners
from .program import BoundTensor, Program, bind_tensor
from .tensors import as_array, host_array

ADDRESS_ALIGNMENT = 16  # kernels access memory in vectors of up to 16 bytes


@dataclass(frozen=True)
class CopyTarget:
    """Where one output is written: a leased buffer, or the caller's own tensor (zero-copy)."""

    tensor: BoundTensor
    address: int
    lease: Lease | None
    given: Value | None


class Transfers:
    """The input and output memory of one session, all of it used on one stream."""

    def __init__(self, device: CudaDevice, manifest: Manifest, stream: Any) -> None:
        self._device = device
        self._stream = stream
        self._inputs = [Staging(device, size) for size in _capacities(manifest, manifest.inputs)]
        self._results = [Staging(device, size) for size in _capacities(manifest, manifest.outputs)]
        self._pools = [OutputPool(device, size) for size in _capacities(manifest, manifest.outputs)]

    def upload(self, program: Program, inputs: Sequence[Value]) -> tuple[int, ...]:
        """Device addresses of the inputs. Inputs in host memory or not aligned are copied to the device
        first."""
        triples = zip(program.inputs, inputs, self._inputs, strict=True)
        return tuple(self._upload(*triple) for triple in triples)

    def fetched(self, value: Value) -> Array:
        """The elements of VALUE in host memory. Waits for the stream where they have to be copied."""
        given = _device_tensor(value)
        if given is None:
            return host_array(value)
        copy: Array = np.empty(given.shape, numpy_dtype(given.dtype))
        if copy.nbytes:
            self._copy("cuMemcpyDtoHAsync", copy.ctypes.data, given.pointer, copy.nbytes)
            self._device.driver.call("cuStreamSynchronize", self._stream)
        return copy

    def targets(self, program: Program, outputs: Sequence[Value | None]) -> list[CopyTarget]:
        """Where to write the outputs; OUTPUTS holds the caller's own tensors, None where there is none."""
        triples = zip(program.outputs, outputs, self._pools, strict=True)
        return [self._target(*triple) for triple in triples]

    def download(self, targets: Sequence[CopyTarget], on_device: bool) -> None:
        """Queue the copies from the leased buffers to host memory or the callers' tensors."""
        for target, staging in zip(targets, self._results, strict=True):
            size = target.tensor.bytes
            if target.lease is None or not size:
                continue
            given = _device_tensor(target.given)
            if given is not None:
                self._copy("cuMemcpyDtoDAsync", given.pointer, target.address, size)
            elif target.given is not None or not on_device:
                staging.reserve(size)
                self._copy(
                    "cuMemcpyDtoHAsync", staging.pinned(target.tensor).ctypes.data, target.address, size
                )

    def results(self, targets: Sequence[CopyTarget], on_device: bool) -> list[object]:
        """The results for the caller; to be called after the stream has finished."""
        return [
            self._result(target, staging, on_device)
            for target, staging in zip(targets, self._results, strict=True)
        ]

    def close(self) -> None:
        """Free all memory that is not leased out."""
        for staging in (*self._inputs, *self._results):
            staging.close()
        for pool in self._pools:
            pool.close()

    def _upload(self, tensor: BoundTensor, value: Value, staging: Staging) -> int:
        given = _device_tensor(value)
        if given is not None and given.pointer % ADDRESS_ALIGNMENT == 0 and tensor.bytes:
            return given.pointer
        staging.reserve(tensor.bytes)
        if not tensor.bytes:
            pass
        elif given is not None:
            self._copy("cuMemcpyDtoDAsync", staging.address, given.pointer, tensor.bytes)
        else:
            pinned = staging.pinned(tensor)
            np.copyto(pinned, host_array(value))
            self._copy("cuMemcpyHtoDAsync", staging.address, pinned.ctypes.data, tensor.bytes)
        return staging.address

    def _target(self, tensor: BoundTensor, given: Value | None, pool: OutputPool) -> CopyTarget:
        own = _device_tensor(given)
        if own is not None and own.pointer % ADDRESS_ALIGNMENT == 0 and tensor.bytes:
            return CopyTarget(tensor, own.pointer, None, given)
        lease = pool.take(tensor.bytes, self._stream)
        return CopyTarget(tensor, lease.address, lease, given)

    def _result(self, target: CopyTarget, staging: Staging, on_device: bool) -> object:
        tensor, given = target.tensor, target.given
        if _device_tensor(given) is not None:
            return given
        if given is None and on_device and target.lease is not None:
            return DeviceTensor(self._device, tensor, target.lease)
        result = None if given is None else as_array(given)
        if result is None:
            result = np.empty(tensor.shape, numpy_dtype(tensor.dtype))
        if tensor.bytes:
            np.copyto(result, staging.pinned(tensor))
        return result

    def _copy(self, function: str, to: int, source: int, size: int) -> None:
        self._device.driver.call(function, to, source, size, self._stream)


def _device_tensor(value: Value | None) -> ExternalTensor | None:
    """The value if it is in GPU memory, else None."""
    return value if isinstance(value, ExternalTensor) and not value.in_host_memory else None


def _capacities(manifest: Manifest, tensors: Sequence[TensorSpec]) -> list[int]:
    """The largest size of each tensor, in bytes, over the symbols' ranges."""
    ends = corners(manifest)
    return [max((bind_tensor(tensor, symbols).bytes for symbols in ends), default=0) for tensor in tensors]
