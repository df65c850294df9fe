"""Which initializers that a graph lists among its inputs are meant to be given, as defaults of these inputs.

Source: ONNX IR specification: before IR version 4 every initializer had to be listed; since then a listed
one may be overridden by a run. Exporters that list all weights are common all the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from onnx import GraphProto, ModelProto, TensorProto

from .any_rank import ELEMENTWISE
from .ordering import reads

_PREPARED = frozenset({"DequantizeLinear", "PRelu", "QuantizeLinear"})  # what they have beside x is prepared
_REALS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})
FIRST_IR_VERSION = 4  # that does not demand initializers among the inputs


def meant_to_be_given(proto: ModelProto) -> frozenset[str]:
    """The names of the initializers of PROTO that a run may replace, even if the build names no shape for
    them: none of a file that lists weights, too, and no integers, which are sizes and axes as a rule.
    """
    if proto.ir_version < FIRST_IR_VERSION:
        return frozenset()
    stored = {each.name: each.data_type for each in proto.graph.initializer}
    listed = {value.name for value in proto.graph.input if value.name in stored}
    if not listed.isdisjoint(_weights(proto.graph)):
        return frozenset()
    return frozenset(name for name in listed if stored[name] in _REALS)


def _weights(graph: GraphProto) -> Iterator[str]:
    """What nodes read that prepare constants when the plan is built: all but elementwise ones."""
    for node in graph.node:
        if node.op_type not in ELEMENTWISE - _PREPARED or node.domain not in ("", "ai.onnx"):
            yield from reads(node)
