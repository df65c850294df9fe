"""Tensors on the fake GPU whose class has DLPack's table of C functions."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from glassrt.runtime.dlpack import CUDA, TensorStruct
from glassrt.runtime.dlpack_exchange import _NAME, ATTRIBUTE, ExchangeTable

from .tiny_engines import GpuTensor

STREAM = 4242  # the library's current one, unless a test changes `FastTensor.current`
CODES = {"f": 2, "i": 0}
_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_View = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(TensorStruct))
_Stream = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int32, ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p))


@_View
def view(tensor: Any, out: Any) -> int:
    if tensor.refuses:
        return -1
    found, array = out.contents, tensor.array
    found.data, found.ndim = array.ctypes.data, array.ndim
    found.device.type, found.device.id = CUDA, tensor.ordinal
    found.dtype.code, found.dtype.bits, found.dtype.lanes = CODES[array.dtype.kind], array.itemsize * 8, 1
    found.shape, found.strides, found.byte_offset = tensor.sizes, tensor.strides, 0
    return 0


@_Stream
def stream_of(kind: int, ordinal: int, out: Any) -> int:
    out[0] = FastTensor.current
    return 0


def table(major: int = 1, view_of: Any = view) -> ExchangeTable:
    functions = (ctypes.cast(each, ctypes.c_void_p) for each in (view_of, stream_of))
    return ExchangeTable(major, 3, None, None, None, None, *functions)


TABLE = table()


def capsule(of: ExchangeTable) -> object:
    return _new_capsule(ctypes.addressof(of), _NAME, None)


class FastTensor(GpuTensor):
    """A tensor on the GPU whose class has a table. `sizes` and `strides` stay where they are in memory."""

    refuses = False
    current = STREAM

    def __init__(self, array: np.ndarray[Any, Any], ordinal: int = 0, strided: bool = False) -> None:
        super().__init__(array, ordinal)
        self.sizes = (ctypes.c_int64 * array.ndim)(*array.shape)
        steps = (ctypes.c_int64 * array.ndim)(*[step // array.itemsize for step in array.strides])
        self.strides = steps if strided else None


setattr(FastTensor, ATTRIBUTE, capsule(TABLE))
