"""Tensor maps in the driver's encoding: 128 bytes that a kernel takes by value."""

from __future__ import annotations

import ctypes
from typing import Any

from .cuda_driver import Driver
from .program import BoundTensorMap
from .tensor_map_names import PROMOTION, names_of

WORDS = 16  # of 64 bits


def encode_tensor_map(driver: Driver, bound: BoundTensorMap, address: int) -> Any:
    """Encode the tensor map of the buffer at device address ADDRESS, as a ctypes array. Raises `DeviceError`.

    The encoding contains the address, so each address needs its own. Source: CUDA driver API, "Tensor map
    object management".
    """
    names, api, traversal = names_of(bound), driver.api, bound.traversal
    box: list[object] = [[api.cuuint32_t(size) for size in traversal.box]]
    if traversal.im2col:
        box = [list(traversal.lower), list(traversal.upper), *traversal.box]
    encoded = driver.call(
        names.function,
        getattr(api.CUtensorMapDataType, names.type),
        len(bound.dims),
        address,
        [api.cuuint64_t(dim) for dim in bound.dims],
        [api.cuuint64_t(stride) for stride in bound.strides],
        *box,
        [api.cuuint32_t(step) for step in traversal.every(len(bound.dims))],
        getattr(api.CUtensorMapInterleave, names.interleave),
        getattr(api.CUtensorMapSwizzle, names.swizzle),
        getattr(api.CUtensorMapL2promotion, PROMOTION),
        getattr(api.CUtensorMapFloatOOBfill, names.fill),
    )
    return (ctypes.c_uint64 * WORDS)(*(int(word) for word in encoded.opaque))
