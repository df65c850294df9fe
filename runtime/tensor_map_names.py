"""What the driver calls the traits of a tensor map. Source: CUDA driver API, "Tensor map object
management"."""

from __future__ import annotations

from dataclasses import dataclass

from .dtypes import ELEMENT_TYPES
from .program import BoundTensorMap

PROMOTION = "CU_TENSOR_MAP_L2_PROMOTION_L2_256B"
_TYPES = {
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


@dataclass(frozen=True)
class MapNames:
    """The function that encodes a tensor map, and the enumerators that it is given."""

    function: str
    type: str
    interleave: str
    swizzle: str
    fill: str


def names_of(bound: BoundTensorMap) -> MapNames:
    """The names for BOUND; an element type that is rounded on the way has a name of its own."""
    traversal = bound.traversal
    kind = "TFLOAT32" if traversal.rounding == "tf32" else _TYPES[bound.dtype]
    return MapNames(
        "cuTensorMapEncodeIm2col" if traversal.im2col else "cuTensorMapEncodeTiled",
        f"CU_TENSOR_MAP_DATA_TYPE_{kind}",
        f"CU_TENSOR_MAP_INTERLEAVE_{traversal.interleave.upper()}",
        f"CU_TENSOR_MAP_SWIZZLE_{traversal.swizzle.upper()}",
        f"CU_TENSOR_MAP_FLOAT_OOB_FILL_{'NONE' if traversal.fill == 'zero' else 'NAN_REQUEST_ZERO_FMA'}",
    )
