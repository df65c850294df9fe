"""Small hand-made models for tests of the importer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

F32 = TensorProto.FLOAT

Sizes = Sequence[int | str | None]


def model(
    nodes: Sequence[NodeProto],
    inputs: dict[str, Sizes] | None = None,
    outputs: Sequence[str | Any] = ("y",),
    constants: dict[str, Any] | None = None,
    *,
    opset: int = 18,
    functions: Sequence[FunctionProto] = (),
    ir_version: int = 10,
) -> ModelProto:
    """A model with f32 inputs (by default x: 2x3), untyped outputs and constants as initialisers."""
    shapes = {"x": (2, 3)} if inputs is None else inputs
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, F32, shape) for name, shape in shapes.items()],
        [helper.make_empty_tensor_value_info(o) if isinstance(o, str) else o for o in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *[helper.make_opsetid(f.domain, 1) for f in functions]]
    return helper.make_model(graph, functions=functions, opset_imports=opsets, ir_version=ir_version)


def node(op: str, inputs: str, outputs: str = "y", **attributes: Any) -> NodeProto:
    """A node; names of inputs and outputs are separated by spaces, `_` stands for an absent one."""
    names = [["" if name == "_" else name for name in text.split()] for text in (inputs, outputs)]
    return helper.make_node(op, names[0], names[1], **attributes)


def relu_chain(length: int) -> ModelProto:
    """LENGTH Relu nodes, one after the other."""
    names = ["x", *[f"t{index}" for index in range(length - 1)], "y"]
    return model([node("Relu", a, b) for a, b in itertools.pairwise(names)])
