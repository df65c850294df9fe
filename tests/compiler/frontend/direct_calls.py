"""Nodes that are imported by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.compiler.frontend.builder import Builder
from glassrt.compiler.frontend.call import Call
from glassrt.compiler.frontend.external import ExternalFiles
from glassrt.compiler.frontend.frame import Frame
from glassrt.compiler.frontend.subgraphs import Subgraphs
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.types import TensorType
from onnx import NodeProto, helper

X = TensorType((2, 3), F32)


def made(*inputs: str, outputs: int = 1, **attributes: Any) -> tuple[Call, Tensor]:
    """A call of a Gemm on X, and a constant beside it."""
    module = Module()
    block = module.add(Function("main")).block
    tensors = [Tensor.of(block.add_argument(X)) if name else None for name in inputs]
    names = [f"y{place}" for place in range(outputs)]
    node: NodeProto = helper.make_node("Gemm", list(inputs), names, **attributes)
    builder = Builder(module, block, ExternalFiles(None))
    subgraphs = Subgraphs(lambda nodes, frame: None, builder, [], Frame({}), "")
    return Call(node, tensors, builder, subgraphs), builder.constant(np.ones((2, 3)), F32)
