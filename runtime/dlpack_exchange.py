"""DLPack's table of C functions: a tensor's description and its library's stream, without calling Python.

A library hangs the table on its tensor class. It saves the capsule of `__dlpack__`, and the events by which
that orders streams, tensor by tensor. A view that is read by the table borrows the tensor: it is for a call,
not for keeping. Source: dlpack.h 1.3, DLPackExchangeAPI.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import InputError
from .dlpack import ExternalTensor, TensorStruct, capsule_pointer, external_tensor

ATTRIBUTE = "__dlpack_c_exchange_api__"
_NAME = b"dlpack_exchange_api"  # capsules store this pointer, so the object must live as long as the process
_MAJOR = 1
_View = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(TensorStruct))
_Stream = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int32, ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p))


class ExchangeTable(ctypes.Structure):
    """The C structure; functions not called here are plain addresses."""

    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("previous", ctypes.c_void_p),
        ("allocator", ctypes.c_void_p),
        ("managed_from_object", ctypes.c_void_p),
        ("managed_to_object", ctypes.c_void_p),
        ("view_of_object", ctypes.c_void_p),
        ("current_stream", ctypes.c_void_p),
    )


@dataclass(frozen=True, eq=False)
class Exchange:
    """The functions of one library: `view` describes a tensor, `stream` gives its current stream."""

    view: Any
    stream: Any

    def borrowed(self, tensor: object, into: TensorStruct) -> ExternalTensor | None:
        """TENSOR as it is now, valid while the caller holds and does not change it; None if its library
        refuses. INTO is overwritten by its description. Raises `InputError` for a data type that is not
        supported."""
        try:
            refused = self.view(tensor, into)
        except Exception:  # whatever a foreign library raises: `__dlpack__` then says why
            return None
        return None if refused else external_tensor(into, tensor, self)

    def stream_on(self, device: tuple[int, int]) -> int:
        """Handle of the library's current stream on a GPU. Raises `InputError` if it does not say."""
        current = ctypes.c_void_p()
        try:
            status = self.stream(*device, current)
        except Exception as error:  # whatever a foreign library raises
            raise InputError(f"a tensor's library does not tell its current stream: {error}") from error
        if status:
            raise InputError("a tensor's library does not tell its current stream")
        return current.value or 0


@lru_cache(maxsize=64)
def exchange_of(kind: Any) -> Exchange | None:
    """The table of the tensor class KIND; None if it has none, or one of another major version."""
    try:
        pointer = capsule_pointer(getattr(kind, ATTRIBUTE, None), _NAME)
    except Exception:  # an attribute of a foreign class may raise anything
        return None
    if pointer is None:
        return None
    table = ExchangeTable.from_address(pointer)
    if table.major != _MAJOR or not table.view_of_object or not table.current_stream:
        return None
    return Exchange(_View(table.view_of_object), _Stream(table.current_stream))
