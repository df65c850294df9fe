"""GPU tensors of libraries without DLPack, such as Numba: `__cuda_array_interface__`.

It does not say on which GPU the memory is: the CUDA device asks its driver. Source: Numba's documentation,
"CUDA Array Interface (Version 3)".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError
from .dlpack import CUDA, SOME_GPU, ExternalTensor, is_dense
from .dtypes import ELEMENT_TYPES

ATTRIBUTE = "__cuda_array_interface__"
_LEGACY_STREAM = 1  # what versions before 3 order by
_NAMES = {each.numpy: name for name, each in ELEMENT_TYPES.items()}


def has_array_interface(value: object) -> bool:
    """Whether VALUE has the interface."""
    try:
        return isinstance(getattr(value, ATTRIBUTE, None), Mapping)
    except Exception:  # a property of a foreign object may raise anything
        return False


def by_array_interface(value: object) -> ExternalTensor:
    """View another library's tensor, zero-copy; it keeps VALUE. Raises `InputError` for what cannot be
    used."""
    try:
        return _viewed(value, getattr(value, ATTRIBUTE))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"its {ATTRIBUTE} is malformed: {error}") from error


def _viewed(value: object, interface: Mapping[str, Any]) -> ExternalTensor:
    if interface.get("mask") is not None:
        raise InputError("it has a mask, which is not supported")
    dtype, shape = np.dtype(interface["typestr"]), tuple(map(int, interface["shape"]))
    name = _NAMES.get(dtype.name)
    if name is None or not dtype.isnative:
        raise InputError(f"its data type {interface['typestr']!r} is not supported")
    pointer, fixed = interface["data"]
    stream = interface.get("stream", _LEGACY_STREAM if interface["version"] < 3 else None)
    return ExternalTensor(
        pointer=int(pointer or 0),
        device=(CUDA, SOME_GPU),
        dtype=name,
        shape=shape,
        contiguous=_is_contiguous(shape, interface.get("strides"), dtype.itemsize),
        keeper=value,
        stream=None if stream is None else int(stream),
        read_only=bool(fixed),
    )


def _is_contiguous(shape: tuple[int, ...], strides: Any, itemsize: int) -> bool:
    """Whether elements of ITEMSIZE bytes lie densely; STRIDES are in bytes."""
    if strides is None:
        return True
    return not any(stride % itemsize for stride in strides) and is_dense(
        shape, [stride // itemsize for stride in strides]
    )
