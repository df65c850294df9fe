"""Tensor maps in the driver's encoding: 128 bytes that a kernel takes by value."""

from __future__ import annotations

import ctypes
from typing import Any

from .cuda_driver import Driver
from .dtypes import ELEMENT_TYPES
from .program import BoundTensorMap

WORDS = 16  # of 64 bits
_MAP_TYPES = {
    **{entry.name: "UINT8" for entry in ELEMENT_TYPES.values() if entry.bytes == 1},
    "u16": "UINT16",
    "i16": "UINT16",
    "u32": "UINT32",
    "i32": "INT32",
    "u64": "UINT64",
    "i64": "INT64",
    "f16": "FLOAT16",
    "bf16": "BFLOAT16",
    "f32": "FLOAT32",
    "f64": "FLOAT64",
}


def encode_tensor_map(driver: Driver, bound: BoundTensorMap, address: int) -> Any:
    """Encode the tensor map of the buffer at device address ADDRESS, as a ctypes array. Raises `DeviceError`.

    The encoding contains the address, so each address needs its own. Source: CUDA driver API, "Tensor map
    object management".
    """
    function, walk = _tiled(driver.api, bound) if not bound.traversal.im2col else _im2col(bound)
    encoded = driver.call(
        function,
        getattr(driver.api.CUtensorMapDataType, f"CU_TENSOR_MAP_DATA_TYPE_{_type_of(bound)}"),
        len(bound.dims),
        address,
        [driver.api.cuuint64_t(dim) for dim in bound.dims],
        [driver.api.cuuint64_t(stride) for stride in bound.strides],
        *walk,
        *_modes(driver.api, bound),
    )
    return (ctypes.c_uint64 * WORDS)(*(int(word) for word in encoded.opaque))


def _type_of(bound: BoundTensorMap) -> str:
    """The driver's name of the element type: one that is rounded on the way has a name of its own."""
    return "TFLOAT32" if bound.traversal.rounding == "tf32" else _MAP_TYPES[bound.dtype]


def _tiled(api: Any, bound: BoundTensorMap) -> tuple[str, list[object]]:
    return "cuTensorMapEncodeTiled", [[api.cuuint32_t(size) for size in bound.traversal.box]]


def _im2col(bound: BoundTensorMap) -> tuple[str, list[object]]:
    traversal = bound.traversal
    return "cuTensorMapEncodeIm2col", [list(traversal.lower), list(traversal.upper), *traversal.box]


def _modes(api: Any, bound: BoundTensorMap) -> list[object]:
    """The trailing arguments of both kinds: element strides, interleave, swizzle, L2 promotion, fill mode."""
    traversal = bound.traversal
    fill = "NONE" if traversal.fill == "zero" else "NAN_REQUEST_ZERO_FMA"
    return [
        [api.cuuint32_t(step) for step in traversal.every(len(bound.dims))],
        getattr(api.CUtensorMapInterleave, f"CU_TENSOR_MAP_INTERLEAVE_{traversal.interleave.upper()}"),
        getattr(api.CUtensorMapSwizzle, f"CU_TENSOR_MAP_SWIZZLE_{traversal.swizzle.upper()}"),
        api.CUtensorMapL2promotion.CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        getattr(api.CUtensorMapFloatOOBfill, f"CU_TENSOR_MAP_FLOAT_OOB_FILL_{fill}"),
    ]
