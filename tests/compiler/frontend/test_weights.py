"""Initialisers of every element type, in each of the ways in which a model file stores them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt.compiler.frontend.external import ExternalFiles
from glassrt.compiler.frontend.problems import Malformed
from glassrt.compiler.frontend.weights import ELEMENT_CODES, read_tensor
from glassrt.dialects.core.dtypes import DTYPES, FLOATS6, DType, from_numpy
from onnx import TensorProto, helper

from ...models import Array

SIZE = 5  # elements, of which no number of bits fills whole bytes
WAYS = ("raw", "field", "external")
SMALL = [dtype for dtype in DTYPES.values() if dtype.bits <= 8]


def elements(dtype: DType) -> Array:
    codes = np.array([1, 3, 0, 2, 1], np.uint8)
    return codes.view(dtype.numpy) if dtype.bytes == 1 and dtype.name != "bool" else codes.astype(dtype.numpy)


def stored(array: Array, way: str, folder: Path) -> TensorProto:
    """ARRAY as the initialiser w: in raw_data, in the field of its type, or in a file of FOLDER."""
    raw = onnx.numpy_helper.from_array(array, "w")
    if way == "raw":
        return raw
    if way == "field":
        return in_field(array, raw)
    (folder / "w.bin").write_bytes(raw.raw_data)
    raw.ClearField("raw_data")
    raw.data_location = TensorProto.EXTERNAL
    raw.external_data.add(key="location", value="w.bin")
    return raw


def in_field(array: Array, raw: TensorProto) -> TensorProto:
    """Bytes as raw_data has them, but a number for each element of 6 bits (onnx.proto, int32_data)."""
    if from_numpy(array.dtype) not in SMALL or array.dtype in (np.int8, np.bool_):
        return helper.make_tensor("w", raw.data_type, array.shape, array)
    six = from_numpy(array.dtype) in FLOATS6
    numbers = (array.view(np.uint8) if six else np.frombuffer(raw.raw_data, np.uint8)).tolist()
    return TensorProto(name="w", data_type=raw.data_type, dims=array.shape, int32_data=numbers)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_a_weight_is_what_was_stored(dtype: DType, way: str, tmp_path: Path) -> None:
    array = elements(dtype)
    found = read_tensor(stored(array, way, tmp_path), ExternalFiles(tmp_path))
    assert found.dtype == array.dtype
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("field", ["raw_data", "int32_data"])
@pytest.mark.parametrize("dtype", SMALL, ids=str)
def test_too_few_bytes_are_refused(dtype: DType, field: str) -> None:
    weight = TensorProto(name="w", data_type=ELEMENT_CODES[dtype], dims=[SIZE])
    if field == "raw_data":
        weight.raw_data = b"\0"
    else:
        weight.int32_data.append(0)
    with pytest.raises(Malformed, match=r"stored, but its shape needs [2-5]"):
        read_tensor(weight, ExternalFiles(None))
