"""Weights and inputs become simple numbers, and never less simple ones again."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.reduction.weights import SIMPLIFICATIONS, simplified, tensors_of
from onnx import numpy_helper

from .test_sizes import heads


def test_what_is_simple_is_left() -> None:
    found = heads()
    assert tensors_of(found, "zeros") == ["w", "x"]
    assert tensors_of(found, "ones") == []  # they are ones
    zeros = simplified(found, ["w"], SIMPLIFICATIONS["zeros"])
    assert not numpy_helper.to_array(zeros.model.graph.initializer[0]).any()
    assert tensors_of(zeros, "zeros") == ["x"] and tensors_of(zeros, "small whole numbers") == []


def test_small_whole_numbers_keep_signs() -> None:
    array = np.float16([-3.5, -0.5, 0.0, 0.5, 900.0, np.nan])
    made = SIMPLIFICATIONS["small whole numbers"](array)
    assert made.dtype == array.dtype and set(made.tolist()) <= {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert (np.sign(made[:5]) == np.sign(array[:5])).all()
