"""Reads tensors that a model file stores: checks them, and views them in place where possible."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from ...dialects.core import dtypes
from ...dialects.core.dtypes import BF16, F16, F32, F64, I64, U32, U64, DType
from ..files.packing import packed_bytes, unpacked
from .external import ExternalFiles
from .limits import MAX_ELEMENTS, MAX_RANK
from .problems import Malformed, Refused
from .tensor import Array

ELEMENT_TYPES: dict[int, DType] = {
    TensorProto.FLOAT: F32,
    TensorProto.DOUBLE: F64,
    TensorProto.FLOAT16: F16,
    TensorProto.BFLOAT16: BF16,
    TensorProto.FLOAT8E4M3FN: dtypes.F8E4M3,
    TensorProto.FLOAT8E4M3FNUZ: dtypes.F8E4M3FNUZ,
    TensorProto.FLOAT8E5M2: dtypes.F8E5M2,
    TensorProto.FLOAT8E5M2FNUZ: dtypes.F8E5M2FNUZ,
    TensorProto.FLOAT8E8M0: dtypes.F8E8M0,
    TensorProto.FLOAT6E2M3: dtypes.F6E2M3,
    TensorProto.FLOAT6E3M2: dtypes.F6E3M2,
    TensorProto.FLOAT4E2M1: dtypes.F4E2M1,
    TensorProto.INT64: I64,
    TensorProto.INT32: dtypes.I32,
    TensorProto.INT16: dtypes.I16,
    TensorProto.INT8: dtypes.I8,
    TensorProto.INT4: dtypes.I4,
    TensorProto.INT2: dtypes.I2,
    TensorProto.UINT64: U64,
    TensorProto.UINT32: U32,
    TensorProto.UINT16: dtypes.U16,
    TensorProto.UINT8: dtypes.U8,
    TensorProto.UINT4: dtypes.U4,
    TensorProto.UINT2: dtypes.U2,
    TensorProto.BOOL: dtypes.BOOL,
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
    """The content of PROTO as a read-only array; external data comes from FILES.

    Raises Malformed if shape and bytes do not match, Refused for unsupported element types.
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
        return _from_raw(files.read(proto, packed_bytes(dtype, count)), dtype, count).reshape(shape)
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


def _from_raw(raw: bytes | memoryview, dtype: DType, count: int) -> Array:
    size = packed_bytes(dtype, count)
    if len(raw) != size:
        raise Malformed(f"{len(raw)} bytes are stored, but its shape needs {size}")
    return unpacked(raw, dtype, count) if dtype.is_packable else np.frombuffer(raw, dtype.numpy)


def _from_field(proto: TensorProto, dtype: DType, count: int) -> Array:
    numbers: Any = getattr(proto, _FIELDS.get(dtype, "int32_data"))
    shares = dtype.is_packable and 8 % dtype.bits == 0  # 6-bit floats are stored one per number
    wanted = packed_bytes(dtype, count) if shares else count
    if len(numbers) != wanted:
        raise Malformed(f"{len(numbers)} elements are stored, but its shape needs {wanted}")
    if dtype in _FIELDS:
        return np.array(numbers, dtype=dtype.numpy)
    wide = np.array(numbers, dtype=np.int32)
    if shares:
        return unpacked(wide.astype(np.uint8), dtype, count)
    if dtype in (F16, BF16):
        return wide.astype(np.uint16).view(dtype.numpy)
    if dtype.is_float:
        return (wide & ((1 << dtype.bits) - 1)).astype(np.uint8).view(dtype.numpy)
    return wide.astype(dtype.numpy)
