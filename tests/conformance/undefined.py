"""Casts of floats to integers that cannot hold them: ONNX leaves their results undefined, and the suite's are
those of the ml_dtypes that is installed (wrapped up to 0.6, zeros from 0.7). What can be held counts."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

CASTS = re.compile(r"test_cast(like)?_FLOAT(16)?_to_U?INT[24](_expanded)?")

Array = np.ndarray[Any, Any]


def is_undefined(name: str) -> bool:
    """Whether the case NAME casts floats to integers of few bits."""
    return CASTS.fullmatch(name) is not None


def right_where_defined(case: Any, backend: Any) -> bool:
    """Whether BACKEND does CASE, of such a cast, right wherever there is a right result."""
    low, high = _span(case.model.graph.output[0].type.tensor_type.elem_type)
    for inputs, (output,) in case.data_sets:
        arrays, want = [_array(each) for each in inputs], _array(output)
        found = backend.prepare(case.model).run(arrays)
        whole = np.trunc(arrays[0].astype(np.float64))
        held = (whole >= low) & (whole <= high)
        alike = [np.shape(each) == want.shape and each.dtype == want.dtype for each in found] == [True]
        if not held.any() or not alike or not np.array_equal(found[0][held], want[held]):
            return False
    return True


def _span(kind: int) -> tuple[int, int]:
    """The least and the greatest number of the integers of KIND, which have 2 or 4 bits."""
    name = TensorProto.DataType.Name(kind)
    bits = int(name[-1])
    return (0, 2**bits - 1) if name.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _array(value: Any) -> Array:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)
