"""Tensors that callers give."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from glassrt.errors import InputError
from glassrt.runtime.dlpack import CPU, CUDA
from glassrt.runtime.program import BoundTensor
from glassrt.runtime.tensors import as_array, described, has_dtype, host_array, on_device, taken, taken_output

HOST = (CPU, 0)


class Speaking:
    """A tensor in the host memory of another library, or one that says that it is elsewhere."""

    def __init__(self, array: np.ndarray[Any, Any], device: tuple[int, int] = HOST) -> None:
        self._array, self._device = array, device

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device


def test_arrays_are_taken_as_they_are_and_tensors_without_a_copy() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert taken("x", array, None, HOST) is array
    tensor = taken("x", Speaking(array), None, HOST)
    assert has_dtype(tensor, "f32") and not has_dtype(tensor, "f16") and not on_device(tensor)
    found = as_array(tensor)
    assert found is not None and np.shares_memory(found, array)
    assert np.shares_memory(host_array(tensor), array)


def test_what_cannot_be_taken_is_refused_by_name() -> None:
    array = np.zeros((2, 3), np.float32)
    for given, message in (
        ([1, 2], "'x': it is a list; a numpy array or a DLPack tensor is needed"),
        (Speaking(array.T), "'x' is not contiguous in memory"),
        (Speaking(array, (CUDA, 1)), r"'x': it is on DLPack device \(2, 1\), the engine on \(2, 0\)"),
    ):
        with pytest.raises(InputError, match=message):
            taken("x", given, None, (CUDA, 0))


def test_a_masked_array_is_refused_and_other_subclasses_are_plain_arrays() -> None:
    with pytest.raises(InputError, match="'x' is a masked array"):
        taken("x", np.ma.masked_array([1.0], mask=True), None, (CPU, 0))
    matrix = np.eye(2).view(np.matrix)
    found = taken("x", matrix, None, (CPU, 0))
    assert type(found) is np.ndarray and np.shares_memory(found, matrix)


def test_an_output_has_its_type_and_shape_and_memory_of_its_own() -> None:
    tensor = BoundTensor("y", "f32", (2, 3), 24)
    good = np.zeros((2, 3), np.float32)
    assert taken_output(tensor, good, None, HOST) is good
    fixed = good.copy()
    fixed.setflags(write=False)
    for given, message in (
        (np.zeros((2, 3), np.int8), r"output 'y' is f32\[2, 3\]; the tensor given for it is int8\[2, 3\]"),
        (np.zeros((3, 2), np.float32), r"given for it is float32\[3, 2\]"),
        (fixed, "is read-only"),
        (np.lib.stride_tricks.as_strided(good, (2, 3), (0, 4)), "share memory"),
    ):
        with pytest.raises(InputError, match=message):
            taken_output(tensor, given, None, HOST)


def test_what_was_given_is_described() -> None:
    assert described(np.zeros((2, 3), ml_dtypes.bfloat16)) == "bfloat16[2, 3]"
    assert described("text") == "str"
