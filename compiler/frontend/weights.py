"""Reads tensors that a model file stores: checks them, and views them in place where possible."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from ...dialects.core.dtypes import (
    BF16,
    BOOL,
    F8E4M3,
    F8E5M2,
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    DType,
)
from .external import ExternalFiles
from .limits import MAX_ELEMENTS, MAX_RANK
from .problems import Malformed, Refused
from .tensor import Array

ELEMENT_TYPES: dict[int, DType] = {
    TensorProto.FLOAT: F32,
    TensorProto.DOUBLE: F64,
    TensorProto.FLOAT16: F16,
    TensorProto.BFLOAT16: BF16,
    TensorProto.FLOAT8E4M3FN: F8E4M3,
    TensorProto.FLOAT8E5M2: F8E5M2,
    TensorProto.INT64: I64,
    TensorProto.INT32: I32,
    TensorProto.INT16: I16,
    TensorProto.INT8: I8,
    TensorProto.UINT64: U64,
    TensorProto.UINT32: U32,
    TensorProto.UINT16: U16,
    TensorProto.UINT8: U8,
    TensorProto.BOOL: BOOL,
}

ELEMENT_CODES = {dtype: code for code, dtype in ELEMENT_TYPES.items()}

# The repeated field that has the elements when there are no raw bytes; int32_data for other types.
_FIELDS = {
    F32: "float_data",
    F64: "double_data",
    I64: "int64_data",
    U64: "uint64_data",
    U32: "uint64_data",
}


def element_type(code: int) -> DType:
    """The DType of an ONNX element type. Raises Refused if it is unsupported, Malformed if unknown."""
    found = ELEMENT_TYPES.get(code)
    if found is None:
        if code not in TensorProto.DataType.values() or code == TensorProto.UNDEFINED:
            raise Malformed(f"the element type {code} is not known to ONNX")
        raise Refused(f"the element type {TensorProto.DataType.Name(code)} is not supported")
    return found


def read_tensor(proto: TensorProto, files: ExternalFiles) -> Array:
    """The content of PROTO as an array that must not be written to; external data comes from FILES.

    Raises Malformed when shape and bytes do not match, Refused for unsupported element types.
    """
    dtype = element_type(proto.data_type)
    shape = _shape(proto)
    if proto.HasField("segment"):
        raise Refused("tensors stored in segments are not supported")
    count = 1
    for size in shape:
        count *= size
    if count > MAX_ELEMENTS:
        raise Malformed(f"{count} elements are more than the limit of {MAX_ELEMENTS}")
    if proto.data_location == TensorProto.EXTERNAL:
        return np.frombuffer(files.read(proto, count * dtype.bytes), dtype.numpy).reshape(shape)
    if proto.HasField("raw_data"):
        return _from_raw(proto.raw_data, dtype, count).reshape(shape)
    return _from_field(proto, dtype, count).reshape(shape)


def _shape(proto: TensorProto) -> tuple[int, ...]:
    shape = tuple(int(size) for size in proto.dims)
    if any(size < 0 for size in shape):
        raise Malformed(f"the shape {list(shape)} has a negative size")
    if len(shape) > MAX_RANK:
        raise Malformed(f"{len(shape)} dimensions are more than the limit of {MAX_RANK}")
    return shape


def _from_raw(raw: bytes, dtype: DType, count: int) -> Array:
    if len(raw) != count * dtype.bytes:
        raise Malformed(f"{len(raw)} bytes are stored, but its shape needs {count * dtype.bytes}")
    return np.frombuffer(raw, dtype.numpy)


def _from_field(proto: TensorProto, dtype: DType, count: int) -> Array:
    numbers: Any = getattr(proto, _FIELDS.get(dtype, "int32_data"))
    if len(numbers) != count:
        raise Malformed(f"{len(numbers)} elements are stored, but its shape needs {count}")
    if dtype in _FIELDS:
        return np.array(numbers, dtype=dtype.numpy)
    wide = np.array(numbers, dtype=np.int32)
    if dtype in (F16, BF16):
        return wide.astype(np.uint16).view(dtype.numpy)
    if dtype in (F8E4M3, F8E5M2):
        return wide.astype(np.uint8).view(dtype.numpy)
    return wide.astype(dtype.numpy)
