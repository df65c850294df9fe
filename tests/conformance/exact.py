"""Models of the suite in float64, by onnx's reference: who is nearer, where a rounding decides?"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

Array = np.ndarray[Any, Any]
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)


def in_float64(model: ModelProto) -> ModelProto:
    """MODEL with all floats as doubles: inputs, outputs, initializers, constants and casts."""
    made = ModelProto()
    made.CopyFrom(model)
    del made.graph.value_info[:]
    for value in [*made.graph.input, *made.graph.output]:
        if value.type.tensor_type.elem_type in _FLOATS:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in made.graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i in _FLOATS:
                attribute.i = TensorProto.DOUBLE
            if attribute.HasField("t") and attribute.t.data_type in _FLOATS:
                array = numpy_helper.to_array(attribute.t).astype(np.float64)
                attribute.t.CopyFrom(numpy_helper.from_array(array))
    return made


def exact(model: ModelProto, inputs: list[Array]) -> list[Array]:
    """The outputs of MODEL on INPUTS, computed in float64."""
    names = [value.name for value in model.graph.input]
    wide = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs]
    found: list[Array] = ReferenceEvaluator(in_float64(model)).run(None, dict(zip(names, wide, strict=False)))
    return found
