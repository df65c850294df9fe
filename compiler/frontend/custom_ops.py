"""Imports nodes of custom ops: operands in order, attributes by name, as the op declares them."""

from __future__ import annotations

from typing import Any

from ...dialects.core.attributes import BOOL, FLOAT, FLOATS, INT, INTS, EnumKind, Kind
from ...dialects.core.op import AttributeField
from ...dialects.custom.op import CustomOp
from ...dialects.custom.registry import find
from .call import Call, Outcome
from .contributed.form import Contributed, op
from .problems import Malformed

UNKNOWN = "no file has registered the op {}; custom ops are loaded by --ops FILE.py"


def custom_op(onnx: str) -> Contributed | None:
    """The importer of the custom op ONNX ("domain::Type"); None if there is none."""
    cls = find(onnx)
    if cls is None:
        return None
    spec, fields = cls.spec, _fields(cls)
    return op(lambda call: _imported(cls, call), spec.least_operands, len(spec.operands), fields)


def _fields(cls: type[CustomOp]) -> dict[str, AttributeField[Any]]:
    return {name: field for name, field in cls.spec.attributes.items() if not field.discardable}


def _imported(cls: type[CustomOp], call: Call) -> Outcome:
    operands = [call.optional(index) for index in range(len(call.inputs))]
    fields = _fields(cls).values()
    stated = {field.name: _read(call, field) for field in fields if _is_stated(call, field)}
    return call.emit(cls, *operands, **stated)


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
