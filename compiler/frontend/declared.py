"""Compares the types that a model declares for its tensors with the inferred ones."""

from __future__ import annotations

from onnx import GraphProto, TensorProto, TensorShapeProto

from ...dialects.core.types import TensorType
from .problems import Malformed, shown
from .weights import element_type


class Declared:
    """The tensor types that the file declares, to be compared with the inferred types."""

    def __init__(self, graph: GraphProto) -> None:
        self._types = {value.name: value.type for value in (*graph.value_info, *graph.output)}

    def check(self, name: str, inferred: TensorType) -> None:
        """Raise Malformed when the declared type of NAME contradicts INFERRED."""
        declared = self._types.get(name)
        if declared is None or declared.WhichOneof("value") != "tensor_type":
            return
        tensor = declared.tensor_type
        if tensor.elem_type and element_type(tensor.elem_type) != inferred.dtype:
            code = TensorProto.DataType.Name(tensor.elem_type)
            raise Malformed(f"its output {shown(name)} is declared as {code}, but it is {inferred.dtype}")
        if tensor.HasField("shape") and _contradicts(tensor.shape, inferred):
            sizes = ", ".join(str(dim.dim_value or dim.dim_param or "?") for dim in tensor.shape.dim)
            raise Malformed(f"its output {shown(name)} is declared as [{sizes}], but it is {inferred}")


def _contradicts(shape: TensorShapeProto, inferred: TensorType) -> bool:
    if len(shape.dim) != inferred.rank:
        return True
    pairs = zip(shape.dim, inferred.shape, strict=True)
    return any(
        dim.HasField("dim_value") and isinstance(size, int) and dim.dim_value != size for dim, size in pairs
    )
