"""Single ONNX nodes, and models of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper

from ..compiler.surgery.models import reads
from .oracles import session_of

Array = np.ndarray[Any, Any]


def node_model(node: NodeProto, values: Mapping[str, Array], opset: int, ir_version: int) -> ModelProto:
    """A model of NODE alone, whose inputs are what it reads."""
    inputs = [_typed(name, values[name]) for name in reads(node)]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "node", inputs, outputs)
    return helper.make_model(graph, opset_imports=opsets([node], opset), ir_version=ir_version)


def opsets(nodes: Any, opset: int) -> list[Any]:
    """OPSET of the standard, and the first version of every other domain of NODES."""
    domains = {node.domain for node in nodes} - {"", "ai.onnx"}
    return [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in sorted(domains))]


def _typed(name: str, array: Array) -> Any:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def run_node(node: NodeProto, values: Mapping[str, Array], opset: int, ir_version: int) -> list[Array]:
    """The results of NODE by ONNX Runtime; raises what ONNX Runtime raises."""
    session = session_of(node_model(node, values, opset, ir_version))
    names = [name for name in node.output if name]
    found = session.run(names, {name: values[name] for name in reads(node)})
    return [np.asarray(array) for array in found]
