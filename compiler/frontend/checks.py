"""Checks of a node before its importer runs: whether it matches the definition of its op.

The check of its form needs no operand types, so it also works for nodes that depend on an unsupported one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from onnx import AttributeProto, NodeProto

from ...dialects.core.dtypes import DType
from .problems import Malformed, shown
from .tensor import Lost, Tensor
from .tensor_sequence import TensorSequence

_TYPE_WORDS = {
    "f64": "double",
    "f32": "float",
    "f16": "float16",
    "bf16": "bfloat16",
    "f8e4m3": "float8e4m3fn",
    "f8e5m2": "float8e5m2",
    **{name: f"float{name[1:]}" for name in ("f8e4m3fnuz", "f8e5m2fnuz", "f8e8m0")},
    **{name: f"float{name[1:]}" for name in ("f6e2m3", "f6e3m2", "f4e2m1")},
    **{f"i{bits}": f"int{bits}" for bits in (2, 4, 8, 16, 32, 64)},
    **{f"u{bits}": f"uint{bits}" for bits in (2, 4, 8, 16, 32, 64)},
    "bool": "bool",
}


def check_form(node: NodeProto, schema: Any, attributes: Mapping[str, AttributeProto]) -> None:
    """Raise Malformed unless the op's definition allows the inputs, outputs and attributes of NODE."""
    least_in, most_in, least_out, most_out, known, required = _form(schema)
    if not least_in <= len(node.input) <= most_in:
        raise Malformed(f"it has {len(node.input)} inputs, {_span(least_in, most_in)} are expected")
    if not least_out <= len(node.output) <= most_out:
        raise Malformed(f"it has {len(node.output)} outputs, {_span(least_out, most_out)} are expected")
    for name in attributes:
        if name not in known:
            raise Malformed(f"the op has no attribute {shown(name)} in this opset")
    for name in required:
        if name not in attributes:
            raise Malformed(f"the attribute '{name}' is missing")


def check_types(schema: Any, inputs: Sequence[Tensor | None]) -> None:
    """Raise Malformed unless the op's definition allows the types of INPUTS; lost tensors match any type."""
    parameters = _parameters(schema)
    bound: dict[str, DType] = {}
    for index, tensor in enumerate(inputs):
        if tensor is None or isinstance(tensor, Lost) or not parameters:
            continue
        dtype, word = _worded(tensor)
        variable, allowed, homogeneous = parameters[min(index, len(parameters) - 1)]
        if word not in allowed:
            what = "be a sequence of" if isinstance(tensor, TensorSequence) else "have"
            raise Malformed(f"its input {index} cannot {what} the element type {dtype}")
        if homogeneous and bound.setdefault(variable, dtype) != dtype:
            raise Malformed(f"its inputs have different element types: {bound[variable]} and {dtype}")


def _worded(tensor: Tensor) -> tuple[DType, str]:
    """The element type of TENSOR, and its type as op definitions spell it."""
    if isinstance(tensor, TensorSequence):
        return tensor.element, f"seq(tensor({_TYPE_WORDS[tensor.element.name]}))"
    return tensor.dtype, f"tensor({_TYPE_WORDS[tensor.dtype.name]})"


@lru_cache(maxsize=4096)
def _form(schema: Any) -> tuple[int, int, int, int, frozenset[str], tuple[str, ...]]:
    required = tuple(name for name, field in schema.attributes.items() if field.required)
    counts = (schema.min_input, schema.max_input, schema.min_output, schema.max_output)
    return (*counts, frozenset(schema.attributes), required)


@lru_cache(maxsize=4096)
def _parameters(schema: Any) -> tuple[tuple[str, frozenset[str], bool], ...]:
    fields = ((p.type_str, frozenset(p.types), p.is_homogeneous) for p in schema.inputs)
    return tuple(fields)


def _span(least: int, most: int) -> str:
    if least == most:
        return str(least)
    return f"{least} or more" if most > 10_000 else f"{least} to {most}"
