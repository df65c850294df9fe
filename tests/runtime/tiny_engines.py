"""Engines of the tiny plans on a fake GPU, and what they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.runtime import Engine, Plan
from glassrt.runtime.cuda import open_backend
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.cuda_memory import DeviceTensor
from glassrt.runtime.dlpack import CUDA, export_tensor, import_tensor, memory_view

from .tiny_launches import Array


def engine_on(api: Any, plan: Plan, debug: bool = False) -> Engine:
    return Engine(plan, open_backend(0, debug, Driver(api)))


def batch(size: int) -> Array:
    return np.random.default_rng(size).standard_normal((size, 4)).astype(np.float32)


class GpuTensor:
    """Another library's tensor in "device memory", which with the fake driver is the host's."""

    def __init__(self, array: np.ndarray[Any, Any], ordinal: int = 0) -> None:
        storage = np.zeros(array.nbytes + 256, np.uint8)
        start = -storage.ctypes.data % 256
        self.array = storage[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        self.array[...] = array
        self.ordinal = ordinal
        self.streams: list[int | None] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.ordinal

    def __dlpack__(self, *, stream: int | None = None) -> object:
        self.streams.append(stream)
        dtype = {"float32": "f32", "int32": "i32", "int64": "i64", "bool": "bool"}[str(self.array.dtype)]
        return export_tensor(self, self.array.ctypes.data, self.__dlpack_device__(), dtype, self.array.shape)


def from_zero(manifest: dict[str, Any]) -> None:
    manifest["symbols"]["N"] = [0, 1, 32]


def contents(tensor: DeviceTensor) -> np.ndarray[Any, Any]:
    """What a consumer of a result sees."""
    view = import_tensor(tensor, 99)
    assert view.device == (CUDA, 0)
    return memory_view(view.pointer, view.bytes).view(np.float32).reshape(view.shape).copy()


X = np.arange(12, dtype=np.float32).reshape(3, 4)
