"""One node by the importer made for its op. Nothing that the node states is ignored.

An importer asks its `Call` for attributes and inputs. What the node has and the importer did not ask
for is refused, unless it is an attribute at the default of the op's definition, or the importer said
that it changes nothing (`Call.without_effect`).
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
    """What IMPORTER makes of the node, whose op has these DEFAULTS of attributes.

    Raises Refused, with all reasons, for what the importer did not look at and for missing outputs;
    then nothing that it emitted stays.
    """
    with call.builder.attempt():
        outcome = importer(call)
        results = [outcome] if isinstance(outcome, Tensor) else outcome
        reasons = [*_unread(call, defaults), *_missing_outputs(call, results)]
        if reasons:
            raise Refused("; ".join(reasons))
    return results


def _unread(call: Call, defaults: Defaults) -> list[str]:
    """Why the attributes and inputs that nobody asked for cannot be left out."""
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
    """The named outputs that RESULTS do not have."""
    named = [index for index in range(call.output_count) if call.wants(index)]
    if all(index < len(results) and results[index] is not None for index in named):
        return []
    return [f"only its first {len(results)} outputs are supported"]
