"""The callers' tensors: numpy arrays and DLPack tensors, in host or device memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from .array_interface import by_array_interface, has_array_interface
from .device import Array, Value
from .dlpack import (
    CPU,
    CUDA,
    CUDA_HOST,
    CUDA_MANAGED,
    ExternalTensor,
    OwnTensor,
    TensorStruct,
    device_of,
    import_tensor,
    speaks_dlpack,
)
from .dlpack_exchange import exchange_of
from .dtypes import numpy_dtype
from .expressions import clip
from .overlap import writes_twice
from .program import BoundTensor

ADDRESS_ALIGNMENT = 16  # kernels access memory in vectors of up to 16 bytes


def taken(
    name: str,
    given: object,
    stream: int | None,
    device: tuple[int, int],
    *,
    kept: bool = False,
    into: TensorStruct | None = None,
) -> Value:
    """The tensor GIVEN for NAME to an engine on DEVICE, ordered after earlier work by STREAM; valid as long
    as the caller holds GIVEN or, with KEPT, the tensor that is returned. INTO is overwritten.

    Raises `InputError` if it is not a tensor, not contiguous, or in memory that DEVICE cannot access.
    """
    if isinstance(given, np.ndarray):
        if isinstance(given, np.ma.MaskedArray):
            raise InputError(f"{clip(name)} is a masked array", hint="fill it: a kernel sees no masks")
        return given if type(given) is np.ndarray else given.view(np.ndarray)
    try:
        tensor = None if kept else _borrowed(given, TensorStruct() if into is None else into)
        if tensor is None:
            tensor = _imported(given, stream, device)
        elif not _reachable(tensor.device, device):
            raise _elsewhere(tensor.device, device)
    except InputError as error:
        raise InputError(f"{clip(name)}: {error.message}") from error
    if not tensor.contiguous:
        raise InputError(f"{clip(name)} is not contiguous in memory", hint="pass a contiguous copy")
    return tensor


def _borrowed(given: object, into: TensorStruct) -> ExternalTensor | None:
    if isinstance(given, OwnTensor):
        return given.borrowed()
    kind: Any = type(given)
    exchange = exchange_of(kind)
    return None if exchange is None else exchange.borrowed(given, into)


def _imported(given: object, stream: int | None, device: tuple[int, int]) -> ExternalTensor:
    if not speaks_dlpack(given):
        if device[0] == CUDA and has_array_interface(given):
            return by_array_interface(given)
        raise InputError(f"it is a {type(given).__name__}; a numpy array or a DLPack tensor is needed")
    if not _reachable(device_of(given), device):
        raise _elsewhere(device_of(given), device)
    return import_tensor(given, stream)


def _elsewhere(memory: tuple[int, int], device: tuple[int, int]) -> InputError:
    return InputError(f"it is on DLPack device {memory}, the engine on {device}")


def _reachable(memory: tuple[int, int], device: tuple[int, int]) -> bool:
    """Whether DEVICE can access MEMORY: host memory always, device memory only if it is its own."""
    if memory[0] in (CPU, CUDA_HOST):
        return True
    return device[0] == CUDA and memory[0] in (CUDA, CUDA_MANAGED) and memory[1] == device[1]


def taken_output(
    tensor: BoundTensor,
    given: object,
    stream: int | None,
    device: tuple[int, int],
    *,
    kept: bool = False,
) -> Value:
    """The tensor GIVEN as the target of the output TENSOR; see `taken`.

    Raises `InputError` for another dtype or shape, for a read-only one, or if its elements overlap.
    """
    value = taken(tensor.name, given, stream, device, kept=kept)
    if not has_dtype(value, tensor.dtype) or tuple(value.shape) != tensor.shape:
        raise InputError(
            f"output {clip(tensor.name)} is {tensor.dtype}{list(tensor.shape)}; "
            f"the tensor given for it is {described(given)}"
        )
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        raise InputError(f"the array given for output {clip(tensor.name)} is read-only")
    if isinstance(value, ExternalTensor) and value.read_only:
        raise InputError(f"the tensor given for output {clip(tensor.name)} is read-only")
    if writes_twice(value):
        raise InputError(f"elements of the array given for output {clip(tensor.name)} share memory")
    return value


def has_dtype(value: Value, name: str) -> bool:
    """Whether the elements of a value have the type NAME."""
    if isinstance(value, np.ndarray):
        return bool(value.dtype == numpy_dtype(name))
    return value.dtype == name


def described(given: object) -> str:
    """The type and shape of the tensor GIVEN, or the class of anything else."""
    if isinstance(given, np.ndarray):
        return f"{given.dtype}{list(given.shape)}"
    try:
        return f"{given.dtype}{list(given.shape)}"  # type: ignore[attr-defined]
    except Exception:  # another library's tensor may raise anything
        return type(given).__name__


def check_in_place(name: str, value: Value, device: tuple[int, int]) -> None:
    """Raise `InputError` unless kernels on DEVICE can use VALUE, given for NAME, in place."""
    if not isinstance(value, np.ndarray):
        pointer, size, on_host = value.pointer, value.bytes, value.in_host_memory
    else:
        pointer, size, on_host = value.__array_interface__["data"][0], value.nbytes, True
        if not value.flags.c_contiguous:
            raise InputError(f"{name} is not contiguous in memory", hint="bind a contiguous copy")
    if on_host and device[0] == CUDA:
        hint = "bind tensors in device memory; run() takes arrays in host memory"
        raise InputError(f"{name} is in host memory, the engine on DLPack device {device}", hint)
    if size and pointer % ADDRESS_ALIGNMENT:
        hint = "bind a tensor that begins its own allocation; run() takes unaligned ones"
        raise InputError(f"{name} begins at an address that is not a multiple of {ADDRESS_ALIGNMENT}", hint)


def on_device(value: Value) -> bool:
    """Whether a value is in device memory, not in host memory."""
    return not isinstance(value, np.ndarray) and not value.in_host_memory


def as_array(value: Value) -> Array | None:
    """The value as a numpy array; None if it is not in host memory."""
    if isinstance(value, np.ndarray):
        return value
    return value.numpy() if value.in_host_memory else None


def host_array(value: Value) -> Array:
    """The value, which the caller knows to be in host memory, as a numpy array."""
    return value if isinstance(value, np.ndarray) else value.numpy()
