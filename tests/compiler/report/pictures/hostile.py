"""A model whose names are HTML, scripts and quotes, and the plan of it."""

from __future__ import annotations

from functools import cache

import numpy as np
from glassrt import compile
from glassrt.runtime.plan import Plan
from onnx import ModelProto, TensorProto, helper, numpy_helper

NAME = '</script><img src=x onerror="window.harmed=1">'
LINES = "a\u2028b\\\"'&lt;\x07"
NAMES = (NAME, "<!--<script>", '"]}; window.harmed = 2; //', "${harmed}", "__proto__", LINES)


def hostile_model() -> ModelProto:
    """A chain of products and sums, the nodes of which have NAMES."""
    stored = numpy_helper.from_array(np.ones((8, 8), np.float32), "w")
    nodes, last = [], "<b>in</b>"
    for at, name in enumerate(NAMES):
        kind = "MatMul" if at % 2 == 0 else "Add"
        result = f"out{at}" if at + 1 < len(NAMES) else NAME
        nodes.append(helper.make_node(kind, [last, "w"], [result], name=name))
        last = result
    image = helper.make_tensor_value_info("<b>in</b>", TensorProto.FLOAT, [8, 8])
    found = helper.make_tensor_value_info(NAME, TensorProto.FLOAT, [8, 8])
    graph = helper.make_graph(nodes, "<i>net</i>", [image], [found], [stored])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@cache
def hostile_plan() -> Plan:
    return compile(hostile_model(), target="host")
