"""The inputs of one context, which recognise a tensor that is described as the last one was.

Of a tensor whose library has a table of C functions the description is compared byte by byte, sizes and
strides with it. What the tensor holds, and who owned it, is not remembered: another tensor at the same
address, with the same type, sizes and strides, is the same to a kernel.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

from .device import Value
from .dlpack import ExternalTensor, Library, TensorStruct, numbers_of
from .tensors import taken


class InputSlots:
    """The inputs NAMES, for an engine on DEVICE (DLPack type and ordinal)."""

    def __init__(self, names: Sequence[str], device: tuple[int, int]) -> None:
        self._slots = [InputSlot(name, device) for name in names]

    def taken(self, given: Mapping[str, object], stream: int | None) -> list[Value]:
        """The tensors GIVEN in the order of the names; see `tensors.taken`. One that is described as in the
        last call is the same object as then, if its library has a table."""
        return [slot.taken(given[slot.name], stream) for slot in self._slots]


def is_recognised(value: Value) -> bool:
    """Whether VALUE is a tensor that is the same object as long as it is described in the same way."""
    return type(value) is ExternalTensor and value.library is not None and value.keeper is None


class InputSlot:
    """One input, and what the last tensor for it looked like."""

    def __init__(self, name: str, device: tuple[int, int]) -> None:
        self.name = name
        self._device = device
        self._buffer = bytearray(ctypes.sizeof(TensorStruct))
        self._struct = TensorStruct.from_buffer(self._buffer)
        self._kind: type | None = None  # of the last tensor; None: it cannot be recognised
        self._view: Any = None
        self._seen = b""  # the structure
        self._numbers: list[Any] = []  # what it points to: sizes, perhaps strides
        self._sizes: list[bytes] = []  # what was there
        self._tensor: Value | None = None

    def taken(self, given: object, stream: int | None) -> Value:
        """The tensor GIVEN; see `InputSlots.taken`."""
        tensor = self._tensor
        if tensor is not None and type(given) is self._kind and self._is_again(given):
            return tensor
        self._tensor = None
        value = taken(self.name, given, stream, self._device, into=self._struct)
        if type(value) is ExternalTensor and value.library is not None:
            self._remember(type(given), value, value.library)
        return value

    def _is_again(self, given: object) -> bool:
        """Whether GIVEN is described as the last tensor was."""
        try:
            if self._view(given, self._struct) or self._buffer != self._seen:
                return False
        except Exception:  # whatever a foreign library raises: it is asked again, the usual way
            return False
        # The pointers are those of the last tensor, so what was read by them can be read again.
        return list(map(bytes, self._numbers)) == self._sizes

    def _remember(self, kind: type, tensor: ExternalTensor, library: Library) -> None:
        """Recognise TENSOR, of class KIND, whose description has just been written; it holds its memory no
        more, the caller does."""
        self._numbers = numbers_of(self._struct)
        self._sizes = list(map(bytes, self._numbers))
        self._seen = bytes(self._buffer)
        self._kind, self._view = kind, library.view
        tensor.keeper = None
        self._tensor = tensor
