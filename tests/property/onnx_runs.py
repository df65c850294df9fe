"""Runs single ONNX nodes in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from glassrt.dialects.core.dtypes import DType
from glassrt.testing.nodes import run_node
from onnx import helper

Array = np.ndarray[Any, Any]
OPSET = 21
IR_VERSION = 10


def run_onnx(op: str, arrays: Sequence[Array | None], *, opset: int = OPSET, **attributes: Any) -> Array:
    """The first output of the ONNX operator OP on ARRAYS (None: absent); a DType stands for its ONNX
    element type."""
    onnx_attributes = {
        name: helper.np_dtype_to_tensor_dtype(value.numpy) if isinstance(value, DType) else value
        for name, value in attributes.items()
    }
    names = ["" if array is None else f"x{position}" for position, array in enumerate(arrays)]
    values = {name: array for name, array in zip(names, arrays, strict=True) if array is not None}
    return run_node(helper.make_node(op, names, ["y"], **onnx_attributes), values, opset, IR_VERSION)[0]
