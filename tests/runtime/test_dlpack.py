"""Memory crosses to other libraries and back, and lives exactly as long as someone uses it."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from glassrt.runtime.dlpack import CPU, export_tensor, import_tensor
from glassrt.runtime.dtypes import ELEMENT_TYPES, numpy_dtype
from hypothesis import given
from hypothesis import strategies as st

NUMPY_TYPES = [
    name for name in ELEMENT_TYPES if not name.startswith(("bf", "f8")) and not ELEMENT_TYPES[name].narrow
]


class Exported:
    """An array that is offered through this project's own capsules."""

    def __init__(self, array: np.ndarray[Any, Any], dtype: str) -> None:
        self.array, self.dtype = array, dtype

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU, 0

    def __dlpack__(self, **options: Any) -> object:
        return export_tensor(self, self.array.ctypes.data, (CPU, 0), self.dtype, self.array.shape)


@given(st.sampled_from(NUMPY_TYPES), st.lists(st.integers(0, 4), max_size=4))
def test_numpy_reads_what_is_exported(dtype: str, shape: list[int]) -> None:
    array = np.ones(shape, numpy_dtype(dtype))
    again = np.from_dlpack(Exported(array, dtype))
    assert again.dtype == array.dtype and again.shape == array.shape
    np.testing.assert_array_equal(again, array)


@given(st.sampled_from(NUMPY_TYPES), st.lists(st.integers(0, 4), max_size=4))
def test_what_numpy_exports_is_read(dtype: str, shape: list[int]) -> None:
    array = np.ones(shape, numpy_dtype(dtype))
    view = import_tensor(array, None)
    assert (view.dtype, view.shape, view.contiguous, view.bytes) == (dtype, array.shape, True, array.nbytes)
    np.testing.assert_array_equal(view.numpy(), array)


def test_views_write_through() -> None:
    array = np.zeros(4, np.int16)
    import_tensor(array, None).numpy()[2] = 7
    assert array.tolist() == [0, 0, 7, 0]


def test_strides() -> None:
    array = np.zeros((4, 6), np.float32)
    assert not import_tensor(array.T, None).contiguous
    assert not import_tensor(array[:, ::2], None).contiguous
    assert import_tensor(array[:1, :1].T, None).contiguous
    assert import_tensor(array[1:], None).pointer == array.ctypes.data + 24


@pytest.mark.parametrize("consumed", [True, False])
def test_memory_lives_as_long_as_it_is_used(consumed: bool) -> None:
    exported = Exported(np.arange(5.0), "f64")
    gone = weakref.ref(exported)
    user: Any = np.from_dlpack(exported) if consumed else exported.__dlpack__()
    del exported
    gc.collect()
    assert gone() is not None
    del user
    gc.collect()
    assert gone() is None
