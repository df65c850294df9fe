"""Element types: their limits are those of numpy and ml_dtypes, their widths those of the stored elements."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BOOL, DTYPES, F8E5M2, FORMATS, TF32, DType, from_numpy

ALL = list(DTYPES.values())


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_numpy_has_the_same_type(dtype: DType) -> None:
    assert from_numpy(dtype.numpy) == dtype == DTYPES[str(dtype)]
    assert dtype.bytes == dtype.numpy.itemsize
    assert dtype.is_packable == (dtype.bits < 8)
    assert dtype.is_float + dtype.is_integer + (dtype == BOOL) == 1


@pytest.mark.parametrize("dtype", [each for each in ALL if each.is_integer], ids=str)
def test_limits_of_integers(dtype: DType) -> None:
    info = ml_dtypes.iinfo(dtype.numpy)
    assert dtype.limits == (info.min, info.max)


@pytest.mark.parametrize("dtype", [each for each in ALL if each.is_float], ids=str)
def test_limits_of_floats_are_infinite_where_there_are_infinities(dtype: DType) -> None:
    least, largest = dtype.limits
    if dtype.bits > 8 or dtype == F8E5M2:
        assert (least, largest) == (-np.inf, np.inf)
        return
    finite = ml_dtypes.finfo(dtype.numpy)
    assert (least, largest) == (float(finite.min), float(finite.max)) and np.isfinite(largest)


def test_a_bool_is_zero_or_one() -> None:
    assert BOOL.limits == (0, 1) and BOOL.bytes == 1


def test_tf32_is_for_arithmetic_alone() -> None:
    assert FORMATS["tf32"] is TF32 and "tf32" not in DTYPES
    with pytest.raises(KeyError):
        TF32.numpy
    with pytest.raises(KeyError):
        from_numpy(np.complex64)
