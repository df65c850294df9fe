"""Elements of less than a byte are packed and unpacked as onnx does it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from glassrt.compiler.files.packing import packed, packed_bytes, unpacked
from glassrt.compiler.frontend.weights import ELEMENT_CODES
from glassrt.dialects.core.dtypes import DTYPES, DType

NARROW = [dtype for dtype in DTYPES.values() if dtype.is_packable]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 8, 41])
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_onnx_packs_the_same(dtype: DType, count: int) -> None:
    codes = np.random.default_rng(count).integers(0, 1 << dtype.bits, count).astype(np.uint8)
    array = codes.view(dtype.numpy)
    proto = onnx.numpy_helper.from_array(array)
    assert proto.data_type == ELEMENT_CODES[dtype]
    assert packed(array) == proto.raw_data and packed_bytes(dtype, count) == len(proto.raw_data)
    again = unpacked(proto.raw_data, dtype, count)
    assert again.dtype == dtype.numpy
    np.testing.assert_array_equal(again.view(np.uint8), codes)


def test_the_first_element_is_lowest() -> None:
    assert unpacked(b"\xf1\x08", DTYPES["i4"], 3).astype(int).tolist() == [1, -1, -8]
    assert unpacked(b"\x1b", DTYPES["u2"], 4).astype(int).tolist() == [3, 2, 1, 0]
