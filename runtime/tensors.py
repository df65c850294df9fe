"""The callers' tensors: numpy arrays and DLPack tensors, in host or device memory."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .device import Array, Value
from .dlpack import CPU, CUDA, CUDA_HOST, CUDA_MANAGED, device_of, import_tensor, speaks_dlpack
from .dtypes import numpy_dtype
from .expressions import clip
from .overlap import writes_twice
from .program import BoundTensor


def taken(name: str, given: object, stream: int | None, device: tuple[int, int]) -> Value:
    """The tensor GIVEN for NAME to an engine on DEVICE, ordered after earlier work by STREAM.

    Raises `InputError` if it is not a tensor, not contiguous, or in memory that DEVICE cannot access.
    """
    if isinstance(given, np.ndarray):
        return given
    if not speaks_dlpack(given):
        raise InputError(
            f"{clip(name)} is a {type(given).__name__}; a numpy array or a DLPack tensor is needed"
        )
    try:
        if not _reachable(device_of(given), device):
            raise InputError(f"it is on DLPack device {device_of(given)}, the engine on {device}")
        tensor = import_tensor(given, stream)
    except InputError as error:
        raise InputError(f"{clip(name)}: {error.message}") from error
    if not tensor.contiguous:
        raise InputError(f"{clip(name)} is not contiguous in memory", hint="pass a contiguous copy")
    return tensor


def _reachable(memory: tuple[int, int], device: tuple[int, int]) -> bool:
    """Whether DEVICE can access MEMORY: host memory always, device memory only if it is its own."""
    if memory[0] in (CPU, CUDA_HOST):
        return True
    return device[0] == CUDA and memory[0] in (CUDA, CUDA_MANAGED) and memory[1] == device[1]


def taken_output(tensor: BoundTensor, given: object, stream: int | None, device: tuple[int, int]) -> Value:
    """The tensor GIVEN as the target of the output TENSOR; see `taken`.

    Raises `InputError` for another dtype or shape, for a read-only one, or if its elements overlap.
    """
    value = taken(tensor.name, given, stream, device)
    if not has_dtype(value, tensor.dtype) or tuple(value.shape) != tensor.shape:
        raise InputError(
            f"output {clip(tensor.name)} is {tensor.dtype}{list(tensor.shape)}; "
            f"the tensor given for it is {described(given)}"
        )
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        raise InputError(f"the array given for output {clip(tensor.name)} is read-only")
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
