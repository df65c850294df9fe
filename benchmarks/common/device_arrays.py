"""Arrays in GPU memory, put there with nothing but the driver, and the stream that they are used on."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.runtime.cuda import process_driver
from glassrt.runtime.cuda_device import CudaDevice
from glassrt.runtime.dlpack import CUDA, export_tensor
from glassrt.runtime.dtypes import ELEMENT_TYPES


class DeviceArray:
    """A copy of an array on GPU 0, which other libraries see through DLPack."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        device = CudaDevice(process_driver(), 0)
        array = np.ascontiguousarray(array)
        with device.current():
            self._memory = device.allocate(array.nbytes)
            device.driver.call("cuMemcpyHtoD", self._memory.value, array.ctypes.data, array.nbytes)
        self.shape = array.shape
        self._dtype = next(name for name, each in ELEMENT_TYPES.items() if each.numpy == array.dtype.name)

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, 0

    def __dlpack__(self, *, stream: int | None = None) -> object:
        return export_tensor(self, int(self._memory), (CUDA, 0), self._dtype, self.shape)


class OwnStream:
    """A stream of the caller's on GPU 0."""

    def __init__(self) -> None:
        self._device = CudaDevice(process_driver(), 0)
        with self._device.current():
            self._stream = self._device.create("cuStreamDestroy", "cuStreamCreate", 1)

    def __int__(self) -> int:
        return int(self._stream)

    def synchronize(self) -> None:
        """Wait for what was issued to it."""
        with self._device.current():
            self._device.driver.call("cuStreamSynchronize", self._stream.value)
