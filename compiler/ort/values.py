"""Tensors of ONNX Runtime's interface: values that sessions take and give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError, UnsupportedError
from ...runtime.dtypes import numpy_dtype

Array = np.ndarray[Any, Any]
# Our names of element types, and those of ONNX Runtime.
TYPES = {
    "f32": "float", "f64": "double", "f16": "float16", "bf16": "bfloat16", "i8": "int8", "i16": "int16",
    "i32": "int32", "i64": "int64", "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64",
    "bool": "bool", "f8e4m3": "float8e4m3fn", "f8e5m2": "float8e5m2",
}  # fmt: skip


_LONG = {
    "float32": "float",
    "float64": "double",
    "float8_e4m3fn": "float8e4m3fn",
    "float8_e5m2": "float8e5m2",
}


def typed(name: str) -> str:
    """The element type called NAME here, as ONNX Runtime writes the type of a tensor."""
    return f"tensor({TYPES.get(name, name)})"


class OrtValue:
    """A tensor on the host, or one on a GPU that GlassRT or another library made. It holds what it was made
    of, without a copy."""

    def __init__(self, held: Any) -> None:
        self._held = held

    # ------------------------------------------------------------ from and to

    @staticmethod
    def ortvalue_from_numpy(array: Array, device_type: str = "cpu", device_id: int = 0) -> OrtValue:
        """A value with a copy of ARRAY on the host."""
        _on_the_host(device_type)
        return OrtValue(np.array(array))

    @staticmethod
    def ortvalue_from_shape_and_type(
        shape: Sequence[int], element_type: Any, device_type: str = "cpu", device_id: int = 0
    ) -> OrtValue:
        """A value of zeros on the host."""
        _on_the_host(device_type)
        return OrtValue(np.zeros(tuple(shape), element_type))

    @staticmethod
    def from_dlpack(tensor: Any, is_bool_tensor: bool = False) -> OrtValue:
        """A value that shares TENSOR's memory, which any library may own."""
        if not hasattr(tensor, "__dlpack__"):
            raise InputError(f"{type(tensor).__name__} does not speak DLPack")
        return OrtValue(tensor)

    def numpy(self) -> Array:
        """The elements on the host: the array itself where it is there, else a copy."""
        held = self._held
        if isinstance(held, np.ndarray):
            return held
        copy = getattr(held, "numpy", None)
        return np.asarray(copy() if copy is not None and not hasattr(held, "cpu") else held)

    def update_inplace(self, array: Array) -> None:
        """Write ARRAY into the memory of this value. Raises InputError where it does not fit."""
        own = self._held
        if not isinstance(own, np.ndarray):
            raise UnsupportedError("only values on the host are written in place")
        if not isinstance(array, np.ndarray):
            raise InputError(f"an array is written to a value, not {type(array).__name__}")
        if own.shape != array.shape or own.dtype != array.dtype:
            raise InputError(
                f"the value is {own.dtype}{list(own.shape)}, not {array.dtype}{list(array.shape)}"
            )
        own[...] = array

    def __dlpack__(self, **options: Any) -> object:
        return self._held.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        where: tuple[int, int] = self._held.__dlpack_device__()
        return where

    def to_dlpack(self) -> object:
        """A DLPack capsule over this value."""
        return self.__dlpack__()

    @property
    def given(self) -> Any:
        """What the value holds: what an engine is given for it."""
        return self._held

    # ------------------------------------------------------------ facts

    def shape(self) -> list[int]:
        """The number of elements along every axis."""
        return [int(size) for size in self._held.shape]

    def data_type(self) -> str:
        """The type as `tensor(float)`."""
        dtype = getattr(self._held, "dtype", None)
        if isinstance(dtype, str):
            return typed(dtype)
        name = str(dtype).rpartition(".")[2]  # a dtype of torch is torch.float32
        return f"tensor({_LONG.get(name, name)})"

    def element_type(self) -> int:
        """The number of the element type in ONNX."""
        return _NUMBERS[self.data_type()[7:-1]]

    def device_name(self) -> str:
        """`cpu` or `cuda`."""
        return "cpu" if self.__dlpack_device__()[0] == 1 else "cuda"

    def data_ptr(self) -> int:
        """The address of the first element."""
        held = self._held
        if isinstance(held, np.ndarray):
            return int(held.ctypes.data)
        borrowed = getattr(held, "borrowed", None)
        return int(borrowed().address if borrowed is not None else held.data_ptr())

    def is_tensor(self) -> bool:
        """True: sequences and maps are no values here."""
        return True

    def is_sparse_tensor(self) -> bool:
        return False

    def is_tensor_sequence(self) -> bool:
        return False

    def has_value(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<OrtValue {self.data_type()}{self.shape()} on {self.device_name()}>"


_NUMBERS = {
    "float": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
    "float16": 10, "double": 11, "uint32": 12, "uint64": 13, "bfloat16": 16, "float8e4m3fn": 17,
    "float8e5m2": 19,
}  # fmt: skip


def given_for(value: Any, dtype: str) -> Any:
    """What an engine is given for VALUE, an array, a value, or lists of numbers, for an input of DTYPE."""
    if isinstance(value, OrtValue):
        return value.given
    if isinstance(value, (list, tuple, int, float, bool)):
        try:
            return np.array(value, numpy_dtype(dtype))
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(f"{type(value).__name__} is no array of {dtype}: {error}") from None
    if isinstance(value, np.ndarray) and not value.flags.c_contiguous:
        return np.ascontiguousarray(value)
    return value


def _on_the_host(device_type: str) -> None:
    if device_type.lower() != "cpu":
        hint = "give a tensor that is there, of torch or CuPy: OrtValue.from_dlpack(tensor)"
        raise UnsupportedError(f"values are not made on {device_type}", hint)
