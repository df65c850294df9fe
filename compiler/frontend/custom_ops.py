"""Imports nodes of custom ops: operands in order, attributes by name, as the op declares them.

A composed op is inlined, as a model's function is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from ...dialects.core.attributes import BOOL, FLOAT, FLOATS, INT, INTS, EnumKind, Kind
from ...dialects.core.ir import Block
from ...dialects.core.op import AttributeField
from ...dialects.custom.composition import ComposedOp, Node
from ...dialects.custom.op import CustomOp
from .call import Call, Outcome, resolve_attributes
from .contributed.form import Contributed, op
from .functions import Body
from .problems import Malformed
from .reading import normal_domain
from .tensor import Tensor

UNKNOWN = "no file has registered the op {}; custom ops are loaded by --ops FILE.py"


def custom_op(cls: type[CustomOp]) -> Contributed:
    """The importer of nodes of CLS, which the fields of CLS check too."""
    spec, fields = cls.spec, _fields(cls)
    least, most = spec.least_operands, len(spec.operands)
    return op(lambda call: _imported(cls, call), least, most, fields, len(spec.results))


def composition(cls: type[ComposedOp], call: Call) -> Body:
    """The nodes that replace the node of CALL, of the op CLS.

    Raises Malformed for a node of another form, IRError for mistakes of the op.
    """
    custom_op(cls).check_form(call.node, resolve_attributes(call.node, call.environment))
    operands, stated = _parts(cls, call)
    block = Block()
    values = [None if operand is None else block.add_argument(operand.type) for operand in operands]
    made = cls(*values, types=(), loc=call.builder.location, **stated)
    nodes, outputs = made.composed()
    with made.blamed("compose"):
        protos = [_proto(node) for node in nodes]
    opsets = {normal_domain(proto.domain): 1 for proto in protos} | {"": cls.opset}
    return Body(protos, [field.name for field in cls.spec.operands], outputs, opsets, {}, is_local=True)


def _proto(node: Node) -> NodeProto:
    """NODE as an ONNX node; arrays become tensors."""
    domain, _, kind = node.op.rpartition("::")
    attributes = {
        name: numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in node.attributes.items()
    }
    return helper.make_node(kind, node.inputs, node.outputs, domain=domain, **attributes)


def _fields(cls: type[CustomOp]) -> dict[str, AttributeField[Any]]:
    return {name: field for name, field in cls.spec.attributes.items() if not field.discardable}


def _imported(cls: type[CustomOp], call: Call) -> Outcome:
    operands, stated = _parts(cls, call)
    return call.builder.emit_all(cls, *operands, **stated)


def _parts(cls: type[CustomOp], call: Call) -> tuple[list[Tensor | None], dict[str, Any]]:
    """The operands of the node of CALL and its explicit attributes."""
    operands = [call.optional(index) for index in range(len(call.inputs))]
    fields = _fields(cls).values()
    return operands, {field.name: _read(call, field) for field in fields if _is_stated(call, field)}


def _is_stated(call: Call, field: AttributeField[Any]) -> bool:
    """Whether the node has the attribute FIELD. Raises Malformed if it is required and missing."""
    if field.name in call.stated_names():
        return True
    if field.required:
        raise Malformed(f"the attribute '{field.name}' is missing")
    return False


def _read(call: Call, field: AttributeField[Any]) -> Any:
    """The value of the node's attribute FIELD."""
    name, kind = field.name, field.kind
    if isinstance(kind, EnumKind):
        return call.choice(name, "", {word: word for word in kind.words})
    # Every kind that `dialects/custom/fields.py` makes.
    by_kind: list[tuple[Kind, Any]] = [(BOOL, call.flag), (INTS, call.ints), (FLOATS, call.floats)]
    found = next((read for each, read in by_kind if each is kind), None)
    if found is not None:
        return found(name)
    if kind is INT:
        return call.integer(name, 0)
    return call.number(name, 0.0) if kind is FLOAT else call.string(name, "")
