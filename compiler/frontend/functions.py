"""Function bodies to inline: those of the model's local functions, and those that the standard defines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import onnx
from onnx import AttributeProto, FunctionProto, NodeProto, TypeProto, helper

from ...dialects.core.types import TensorType
from ...errors import ModelError
from .call import Environment, resolve_attributes
from .limits import MAX_DEPTH, MAX_NODES
from .problems import LostRead, Malformed, shown
from .reading import normal_domain
from .tensor import Lost, Tensor
from .weights import ELEMENT_CODES

PREVIEW_DOMAIN = "ai.onnx.preview"  # a preview of standard ops; their bodies use ai.onnx
STANDARD_BODY = "standard-body"
SUMMARY = "attributes or inputs that no importer takes => the nodes of the op's standard definition"


@dataclass(frozen=True)
class Body:
    """A function to inline: nodes, formal names, opsets, and the attributes that its nodes may refer to."""

    nodes: Sequence[NodeProto]
    inputs: Sequence[str]
    outputs: Sequence[str]
    opsets: dict[str, int]
    environment: Environment
    is_local: bool


class LocalFunctions:
    """The functions that a model defines, by domain, name and overload."""

    def __init__(self, functions: Iterable[FunctionProto]) -> None:
        self._functions: dict[tuple[str, str, str], FunctionProto] = {}
        for function in functions:
            key = (normal_domain(function.domain), function.name, function.overload)
            if key in self._functions:
                raise ModelError(f"the function {shown(function.name)} is defined twice")
            _check_distinct(function)
            self._functions[key] = function

    def check_expansion(self, nodes: Sequence[NodeProto]) -> None:
        """Raise ModelError when inlining all calls would give too many nodes or nest too deeply."""
        known: dict[tuple[str, str, str], int] = {}
        total = sum(self._size(node, known, 0) for node in nodes)
        if total > MAX_NODES:
            raise ModelError(f"the model has {total} nodes, functions included; the limit is {MAX_NODES}")

    def _size(self, node: NodeProto, known: dict[tuple[str, str, str], int], depth: int) -> int:
        """The number of nodes that NODE expands to, through nested functions."""
        key = _key(node)
        function = self._functions.get(key)
        if function is None:
            return 1
        if depth >= MAX_DEPTH:
            raise ModelError(f"functions are nested more than {MAX_DEPTH} deep, or call themselves")
        if key not in known:
            known[key] = 1 + sum(self._size(inner, known, depth + 1) for inner in function.node)
        return known[key]

    def find(self, node: NodeProto, environment: Environment) -> Body | None:
        """The body of the local function that NODE calls; None when it calls none."""
        function = self._functions.get(_key(node))
        if function is None:
            return None
        declared = {*function.attribute, *(default.name for default in function.attribute_proto)}
        inner = {default.name: default for default in function.attribute_proto}
        for name, value in resolve_attributes(node, environment).items():
            if name not in declared:
                raise Malformed(f"the function {shown(function.name)} has no attribute {shown(name)}")
            inner[name] = value
        return _body(function, inner, is_local=True)


def _check_distinct(function: FunctionProto) -> None:
    """Raise ModelError when two inputs, or two outputs, of FUNCTION have one name."""
    for what, names in (("inputs", function.input), ("outputs", function.output)):
        if repeated := next((name for name, times in Counter(names).items() if times > 1), None):
            raise ModelError(f"the function {shown(function.name)} has two {what} called {shown(repeated)}")


def _key(node: NodeProto) -> tuple[str, str, str]:
    return (normal_domain(node.domain), node.op_type, node.overload)


def standard_body(
    node: NodeProto, opset: int, inputs: Sequence[Tensor | None], environment: Environment
) -> Body | None:
    """The body that the ONNX standard defines for NODE at OPSET of its domain, or None.

    It may depend on the types of INPUTS: LostRead where one of them is lost.
    """
    schema = find_schema(node.op_type, opset, normal_domain(node.domain))
    if schema is None:
        return None
    if schema.has_context_dependent_function and any(isinstance(x, Lost) for x in inputs):
        raise LostRead
    attributes = resolve_attributes(node, environment)
    types = [None if x is None or isinstance(x, Lost) else x.type for x in inputs]
    function = _function(schema, opset, node, attributes, types)
    if function is None:
        return None
    return _body(function, default_attributes(schema) | attributes, is_local=False)


@lru_cache(maxsize=4096)
def find_schema(op_type: str, opset: int, domain: str = "") -> Any:
    """The schema of the op OP_TYPE of the standard at OPSET of its DOMAIN; None when there is none."""
    try:
        return onnx.defs.get_schema(op_type, opset, domain)
    except onnx.defs.SchemaError:
        return None


@lru_cache(maxsize=4096)
def default_attributes(schema: Any) -> dict[str, AttributeProto]:
    """The default values of an op's attributes, by name."""
    fields = schema.attributes.items()
    return {name: field.default_value for name, field in fields if field.default_value.name}


def _function(
    schema: Any,
    opset: int,
    node: NodeProto,
    attributes: dict[str, AttributeProto],
    types: Sequence[TensorType | None],
) -> FunctionProto | None:
    if schema.has_function:
        versions = [v for v in schema.function_opset_versions if v <= opset] or schema.function_opset_versions
        content = schema.get_function_with_opset_version(max(versions))
        return FunctionProto.FromString(content) if content else None
    if not schema.has_context_dependent_function:
        return None
    versions = schema.context_dependent_function_opset_versions
    version = max([v for v in versions if v <= opset] or versions)
    resolved = NodeProto(op_type=node.op_type, input=node.input, output=node.output)
    resolved.attribute.extend(attributes.values())
    operands = [_type_proto(type) for type in types]
    content = schema.get_context_dependent_function_with_opset_version(
        version, resolved.SerializeToString(), [operand.SerializeToString() for operand in operands]
    )
    return FunctionProto.FromString(content) if content else None


def _type_proto(type: TensorType | None) -> TypeProto:
    if type is None:
        return TypeProto()
    sizes = [size if isinstance(size, int) else str(size) for size in type.shape]
    return helper.make_tensor_type_proto(ELEMENT_CODES[type.dtype], sizes)


def _body(function: FunctionProto, environment: Environment, *, is_local: bool) -> Body:
    opsets = {normal_domain(entry.domain): int(entry.version) for entry in function.opset_import}
    return Body(function.node, function.input, function.output, opsets, environment, is_local)
