"""Tensors of other libraries, in and out, without a copy: the DLPack protocol.

Source: dlpack.h 1.0 and the Python specification of the array API standard, "Data interchange
mechanisms". Capsules are read and made in the unversioned form, which every library accepts.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .dtypes import ELEMENT_TYPES, element_name, numpy_dtype

CPU, CUDA, CUDA_HOST, CUDA_MANAGED = 1, 2, 3, 13
_NAME = b"dltensor"  # capsules keep the address, so this object must live as long as the process


class _Device(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int32), ("id", ctypes.c_int32))


class _DataType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Managed(ctypes.Structure):
    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", _Deleter))


# Own prototypes: the functions on `ctypes.pythonapi` are shared with every other user of ctypes.
_Destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, _Destructor)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_IsValid", ctypes.pythonapi)
)
_get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
# The same two for a capsule that is being destroyed: a reference to it must not be taken any more.
_is_valid_raw = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_IsValid", ctypes.pythonapi)
)
_get_pointer_raw = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


@dataclass(frozen=True)
class ExternalTensor:
    """Another library's tensor: address, shape in elements, and what keeps its memory alive."""

    pointer: int
    device: tuple[int, int]
    dtype: str
    shape: tuple[int, ...]
    contiguous: bool
    keeper: object

    @property
    def bytes(self) -> int:
        """Size of a dense tensor of this shape."""
        return math.prod(self.shape) * ELEMENT_TYPES[self.dtype].bytes

    @property
    def in_host_memory(self) -> bool:
        """Whether the CPU can access it."""
        return self.device[0] in (CPU, CUDA_HOST)

    def numpy(self) -> np.ndarray[Any, Any]:
        """The memory as an array, for a dense tensor in host memory. Valid as long as this object."""
        if not self.bytes:
            return np.empty(self.shape, numpy_dtype(self.dtype))
        return memory_view(self.pointer, self.bytes).view(numpy_dtype(self.dtype)).reshape(self.shape)


def memory_view(pointer: int, size: int) -> np.ndarray[Any, Any]:
    """`size` bytes of host memory at `pointer` as a writable array; the caller keeps them alive."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(pointer))


def speaks_dlpack(value: object) -> bool:
    """Whether `value` offers itself through DLPack."""
    try:
        return hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__")
    except Exception:  # whatever a property of another library raises
        return False


def device_of(value: Any) -> tuple[int, int]:
    """DLPack device type and ordinal of a tensor. Raises `InputError` if the library does not say."""
    try:
        kind, ordinal = value.__dlpack_device__()
        return int(kind), int(ordinal)
    except Exception as error:  # whatever the other library raises
        raise InputError(f"the tensor does not say on which DLPack device it lies: {error}") from error


def import_tensor(value: Any, stream: int | None) -> ExternalTensor:
    """View another library's tensor. On a GPU, work on `stream` then sees what was written before.

    Raises `InputError` if the library refuses or the data type is not supported.
    """
    device = device_of(value)
    try:
        capsule = value.__dlpack__(stream=stream) if device[0] in (CUDA, CUDA_MANAGED) else value.__dlpack__()
    except Exception as error:  # whatever the other library raises
        raise InputError(f"the tensor cannot be shared through DLPack: {error}") from error
    if not _is_valid(capsule, _NAME):
        raise InputError("the tensor's __dlpack__ did not return a DLPack capsule")
    # The capsule is not consumed: it owns the tensor, and is kept for as long as the view is used.
    tensor = _Managed.from_address(_get_pointer(capsule, _NAME)).tensor
    shape = tuple(int(tensor.shape[axis]) for axis in range(tensor.ndim))
    strides = tuple(int(tensor.strides[axis]) for axis in range(tensor.ndim)) if tensor.strides else None
    return ExternalTensor(
        pointer=int(tensor.data or 0) + int(tensor.byte_offset),
        device=device,
        dtype=element_name(tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes),
        shape=shape,
        contiguous=strides is None or _is_dense(shape, strides),
        keeper=capsule,
    )


def _is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    if 0 in shape:
        return True
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


# Exported tensors that a capsule or a consumer still holds: address -> everything to keep alive.
_exported: dict[int, tuple[_Managed, object, object]] = {}


def export_tensor(
    owner: object, pointer: int, device: tuple[int, int], dtype: str, shape: tuple[int, ...]
) -> object:
    """A DLPack capsule over memory that stays valid as long as `owner` is referenced."""
    managed = _Managed()
    entry = ELEMENT_TYPES[dtype]
    sizes = (ctypes.c_int64 * max(len(shape), 1))(*shape)
    tensor = managed.tensor
    tensor.data, tensor.byte_offset, tensor.ndim = pointer, 0, len(shape)
    tensor.device.type, tensor.device.id = device
    tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes = entry.code, entry.bytes * 8, 1
    tensor.shape = ctypes.cast(sizes, ctypes.POINTER(ctypes.c_int64))
    managed.deleter = _deleter
    address = ctypes.addressof(managed)
    _exported[address] = (managed, sizes, owner)
    return _new_capsule(address, _NAME, _destructor)


def _release_exported(address: int) -> None:
    _exported.pop(address, None)


def _destroy_capsule(capsule: int) -> None:
    """Free the tensor of a capsule that nobody consumed; a consumer renames it and frees it itself."""
    if _is_valid_raw(capsule, _NAME):
        _exported.pop(_get_pointer_raw(capsule, _NAME), None)


# Made once: a consumer may call them as long as the process lives.
_deleter = _Deleter(_release_exported)
_destructor = _Destructor(_destroy_capsule)
