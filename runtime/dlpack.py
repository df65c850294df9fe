"""The DLPack protocol: zero-copy exchange of tensors with other libraries.

Source: dlpack.h 1.0 and the Python specification of the array API standard, "Data interchange
mechanisms". Capsules are imported and exported in the unversioned form, which every library accepts.
"""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from ..errors import InputError
from .dtypes import ELEMENT_TYPES, element_name, numpy_dtype

CPU, CUDA, CUDA_HOST, CUDA_MANAGED = 1, 2, 3, 13
SOME_GPU = -1  # the ordinal of a GPU that a library does not name
_NAME = b"dltensor"  # capsules store this pointer, so the object must live as long as the process


class _Device(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int32), ("id", ctypes.c_int32))


class _DataType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class TensorStruct(ctypes.Structure):
    """The C structure DLTensor: a tensor's memory, shape and strides, without an owner."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


_FIELDS = struct.Struct("@PiiiBBHPPQ")  # those of `TensorStruct`, in order
assert _FIELDS.size == ctypes.sizeof(TensorStruct)
_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Managed(ctypes.Structure):
    _fields_ = (("tensor", TensorStruct), ("context", ctypes.c_void_p), ("deleter", _Deleter))


# Separate prototypes: those of `ctypes.pythonapi` are shared with every other user of ctypes.
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
# The same two for use in a capsule's destructor, which must not take a new reference to the capsule.
_is_valid_raw = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_IsValid", ctypes.pythonapi)
)
_get_pointer_raw = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


class Library(Protocol):
    """A library that describes its tensors by C functions, and is asked for its stream when they are used."""

    @property
    def view(self) -> Any:
        """The function that describes a tensor in a `TensorStruct`; its result is 0, or an error."""

    def stream_on(self, device: tuple[int, int]) -> int:
        """Handle of its current stream on a GPU. Raises `InputError`."""


@dataclass(slots=True)
class ExternalTensor:
    """Another library's tensor: address, shape in elements, and the owner that keeps its memory alive.

    Work may still be writing it: on `stream`, or on the current stream of its `library`; None and None where
    that is in order already. Without a `keeper` the caller holds the memory.
    """

    pointer: int
    device: tuple[int, int]
    dtype: str
    shape: tuple[int, ...]
    contiguous: bool
    keeper: object
    stream: int | None = None
    read_only: bool = False
    library: Library | None = None

    @property
    def bytes(self) -> int:
        """Size in bytes; the tensor is dense."""
        return math.prod(self.shape) * ELEMENT_TYPES[self.dtype].bytes

    @property
    def in_host_memory(self) -> bool:
        """Whether the CPU can access it."""
        return self.device[0] in (CPU, CUDA_HOST)

    def numpy(self) -> np.ndarray[Any, Any]:
        """View a dense tensor in host memory as an array, valid as long as this object."""
        if not self.bytes:
            return np.empty(self.shape, numpy_dtype(self.dtype))
        return memory_view(self.pointer, self.bytes).view(numpy_dtype(self.dtype)).reshape(self.shape)


class OwnTensor:
    """A tensor of this runtime, which describes itself without a capsule."""

    __slots__ = ()

    def borrowed(self) -> ExternalTensor:
        """Its description, valid while the caller holds it."""
        raise NotImplementedError


def memory_view(pointer: int, size: int) -> np.ndarray[Any, Any]:
    """View SIZE bytes of host memory at POINTER as a writable array; the caller keeps them alive."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(pointer))


def speaks_dlpack(value: object) -> bool:
    """Whether VALUE supports the DLPack protocol."""
    try:
        return hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__")
    except Exception:  # a property of a foreign object may raise anything
        return False


def device_of(value: Any) -> tuple[int, int]:
    """DLPack device type and ordinal of a tensor. Raises `InputError` if the library does not say."""
    try:
        kind, ordinal = value.__dlpack_device__()
        return int(kind), int(ordinal)
    except Exception as error:  # a foreign library may raise anything
        raise InputError(f"the tensor does not report its DLPack device: {error}") from error


def import_tensor(value: Any, stream: int | None) -> ExternalTensor:
    """View another library's tensor, zero-copy. On a GPU, work on STREAM is ordered after earlier writes to
    it.

    Raises `InputError` if the library refuses or the data type is not supported.
    """
    device = device_of(value)
    try:
        capsule = value.__dlpack__(stream=stream) if device[0] in (CUDA, CUDA_MANAGED) else value.__dlpack__()
    except Exception as error:  # a foreign library may raise anything
        raise InputError(f"the tensor cannot be shared through DLPack: {error}") from error
    if not _is_valid(capsule, _NAME):
        raise InputError("the tensor's __dlpack__ did not return a DLPack capsule")
    # The capsule is not consumed: it owns the tensor, and is kept as long as the view is used.
    return external_tensor(_Managed.from_address(_get_pointer(capsule, _NAME)).tensor, capsule)


def external_tensor(tensor: TensorStruct, keeper: object, library: Library | None = None) -> ExternalTensor:
    """The C structure TENSOR, which KEEPER keeps alive, as Python sees it. Raises `InputError` for a data
    type that is not supported."""
    # All fields at once: reading them one by one would take longer than the rest of a call.
    data, kind, ordinal, rank, code, bits, lanes, sizes, steps, offset = _FIELDS.unpack_from(tensor)
    shape, dense = (), True
    if rank:
        shape = tuple(_words(rank).from_address(sizes))
        strides = tuple(_words(rank).from_address(steps)) if steps else None
        dense = strides is None or strides == row_major(shape) or is_dense(shape, strides)
    dtype = element_name(code, bits, lanes)
    return ExternalTensor(data + offset, (kind, ordinal), dtype, shape, dense, keeper, library=library)


def numbers_of(tensor: TensorStruct) -> list[Any]:
    """The sizes and, if TENSOR has them, the strides as arrays of ctypes, in its library's memory."""
    _, _, _, rank, _, _, _, sizes, steps, _ = _FIELDS.unpack_from(tensor)
    return [_words(rank).from_address(each) for each in (sizes, steps) if each] if rank else []


@lru_cache(maxsize=32)
def _words(count: int) -> Any:
    """The ctypes class of COUNT numbers of 64 bits."""
    return ctypes.c_int64 * count


def capsule_pointer(capsule: object, name: bytes) -> int | None:
    """The pointer in a capsule of NAME; None if CAPSULE is none, or another one."""
    return int(_get_pointer(capsule, name)) if _is_valid(capsule, name) else None


def is_dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether elements with these strides, in elements, lie row-major and without gaps."""
    if 0 in shape:
        return True
    expected = 1
    for size, stride in zip(shape[::-1], strides[::-1], strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


@lru_cache(maxsize=256)
def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides, in elements, of a dense tensor of SHAPE."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


# Exported tensors still held by a capsule or a consumer: address -> the objects to keep alive.
_exported: dict[int, tuple[_Managed, object, object]] = {}


def export_tensor(
    owner: object,
    pointer: int,
    device: tuple[int, int],
    dtype: str,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None = None,
) -> object:
    """A DLPack capsule over memory at POINTER, which stays valid as long as OWNER is referenced; row-major
    unless STRIDES, in elements, are given.

    Raises `InputError` for elements narrower than a byte, which DLPack packs.
    """
    managed = _Managed()
    entry = ELEMENT_TYPES[dtype]
    if entry.narrow:
        raise InputError(f"{dtype} cannot be shared through DLPack: here each element has a byte of its own")
    sizes = (ctypes.c_int64 * max(len(shape), 1))(*shape)
    tensor = managed.tensor
    tensor.data, tensor.byte_offset, tensor.ndim = pointer, 0, len(shape)
    tensor.device.type, tensor.device.id = device
    tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes = entry.code, entry.width, 1
    tensor.shape = ctypes.cast(sizes, ctypes.POINTER(ctypes.c_int64))
    steps = None if strides is None else (ctypes.c_int64 * max(len(strides), 1))(*strides)
    if steps is not None:
        tensor.strides = ctypes.cast(steps, ctypes.POINTER(ctypes.c_int64))
    managed.deleter = _deleter
    address = ctypes.addressof(managed)
    _exported[address] = (managed, (sizes, steps), owner)
    return _new_capsule(address, _NAME, _destructor)


def _release_exported(address: int) -> None:
    _exported.pop(address, None)


def _destroy_capsule(capsule: int) -> None:
    """Free the tensor of a capsule that was never consumed; a consumer renames the capsule and frees it
    itself."""
    if _is_valid_raw(capsule, _NAME):
        _exported.pop(_get_pointer_raw(capsule, _NAME), None)


# Created once: a consumer may call them for as long as the process lives.
_deleter = _Deleter(_release_exported)
_destructor = _Destructor(_destroy_capsule)
