"""Imports one node by the importer of its op, and ensures that no attribute or input is ignored.

An importer reads attributes and inputs through its `Call`. An attribute or input that the node has and the
importer did not read is refused, unless it is an attribute with the default value of the op's definition, or
the importer declared that it has no effect (`Call.without_effect`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import AttributeProto, helper

from .call import Call
from .problems import Refused, shown
from .table import Importer
from .tensor import Tensor

Defaults = Mapping[str, AttributeProto]


def imported(importer: Importer, call: Call, defaults: Defaults) -> Sequence[Tensor | None]:
    """The results of IMPORTER for the node of CALL, whose op's attributes have these DEFAULTS.

    Raises Refused, with all reasons, for attributes and inputs that the importer did not read and for missing
    outputs; everything that it emitted is erased then.
    """
    with call.builder.attempt():
        outcome = importer(call)
        results = [outcome] if isinstance(outcome, Tensor) else outcome
        reasons = [*_unread(call, defaults), *_missing_outputs(call, results)]
        if reasons:
            raise Refused("; ".join(reasons))
    return results


def _unread(call: Call, defaults: Defaults) -> list[str]:
    """The reasons why unread attributes and inputs cannot be ignored."""
    if not call.unread:
        return []
    stated = [item for item in call.unread_attributes if not _is_default(item, defaults.get(item.name))]
    reasons = [f"its attribute {shown(item.name)} is not supported" for item in stated]
    names = call.node.input
    return reasons + [
        f"its input {index}, {shown(names[index])}, is not supported" for index in call.unread_inputs
    ]


def _is_default(stated: AttributeProto, default: AttributeProto | None) -> bool:
    if default is None or stated.type != default.type:
        return False
    return bool(helper.get_attribute_value(stated) == helper.get_attribute_value(default))


def _missing_outputs(call: Call, results: Sequence[Tensor | None]) -> list[str]:
    """A reason where RESULTS lack an output that the node names."""
    named = [index for index in range(call.output_count) if call.wants(index)]
    if all(index < len(results) and results[index] is not None for index in named):
        return []
    return [f"only its first {len(results)} outputs are supported"]
