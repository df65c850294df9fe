"""Runs single ONNX nodes in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from glassrt.dialects.core.dtypes import DType
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
    feeds = {f"x{position}": array for position, array in enumerate(arrays) if array is not None}
    names = ["" if array is None else f"x{position}" for position, array in enumerate(arrays)]
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    node = helper.make_node(op, names, ["y"], **onnx_attributes)
    output = helper.make_empty_tensor_value_info("y")
    graph = helper.make_graph([node], "single", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(["y"], feeds)[0]
