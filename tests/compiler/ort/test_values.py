"""Values: what they say, and whose memory they are."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from glassrt import InputError, UnsupportedError
from glassrt.onnxruntime import OrtValue


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, np.uint8, np.bool_])
def test_values_say_what_those_of_onnx_runtime_say(dtype: type) -> None:
    array = np.ones((2, 3), dtype)
    mine, theirs = OrtValue.ortvalue_from_numpy(array), onnxruntime.OrtValue.ortvalue_from_numpy(array)
    for name in ("shape", "data_type", "element_type", "device_name", "is_tensor", "has_value"):
        assert getattr(mine, name)() == getattr(theirs, name)(), name
    np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    assert mine.data_ptr() == mine.numpy().ctypes.data and "[2, 3] on cpu" in repr(mine)


def test_memory_is_shared_and_written_in_place() -> None:
    array = np.zeros((2, 2), np.float32)
    shared = OrtValue.from_dlpack(array)
    shared.update_inplace(np.ones((2, 2), np.float32))
    assert array.sum() == 4 and np.shares_memory(np.from_dlpack(shared), array)
    with pytest.raises(InputError, match="not float32"):
        shared.update_inplace(np.ones(3, np.float32))
    with pytest.raises(InputError, match="DLPack"):
        OrtValue.from_dlpack("x")
    with pytest.raises(UnsupportedError, match="cuda"):
        OrtValue.ortvalue_from_numpy(array, "cuda", 0)


def test_lists_are_no_arrays_to_write() -> None:
    value = OrtValue.ortvalue_from_numpy(np.zeros((1, 2), np.float32))
    with pytest.raises(InputError, match="an array is written to a value, not list"):
        value.update_inplace([[1.0, 2.0]])  # type: ignore[arg-type]
