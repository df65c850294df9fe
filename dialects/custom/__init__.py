"""Custom ops: an op of the graph level in one file of a user.

    from glassrt import custom

    @custom.op("example.ops::SoftClip")
    class SoftClip(custom.ElementwiseOp):
        x = custom.operand()
        y = custom.result()
        limit = custom.number(1.0)

        def compute(self, x):
            return self.limit * np.tanh(x / self.limit)

        def formula(self, x):
            return (x / self.limit).call("tanh") * self.limit

This module is what such a file imports. docs/adding-a-custom-op.md is the guide.
"""

from __future__ import annotations

from ..core.affine import ceildiv
from ..core.dtypes import BF16, BOOL, F16, F32, F64, I8, I32, I64, U8, DType
from ..core.expr import Index
from ..core.op import operand, optional_operand, result
from ..core.types import TensorType
from ..graph.base import broadcast_shapes
from ..graph.elementwise_base import ANY, FLOAT, INTEGER, NUMBER, TRUTH
from ..graph.formula import Term
from .composition import ComposedOp, Nodes, Wire
from .cuda import CudaBody, Scratch
from .fields import choice, flag, integer, integers, number, numbers, text
from .files import load_file
from .nest import Nest
from .op import CudaOp, CustomOp, ElementwiseOp, LoopOp
from .registry import op, registered

__all__ = [
    "ANY",
    "BF16",
    "BOOL",
    "F16",
    "F32",
    "F64",
    "FLOAT",
    "I8",
    "I32",
    "I64",
    "INTEGER",
    "NUMBER",
    "TRUTH",
    "U8",
    "ComposedOp",
    "CudaBody",
    "CudaOp",
    "CustomOp",
    "DType",
    "ElementwiseOp",
    "Index",
    "LoopOp",
    "Nest",
    "Nodes",
    "Scratch",
    "TensorType",
    "Term",
    "Wire",
    "broadcast_shapes",
    "ceildiv",
    "choice",
    "flag",
    "integer",
    "integers",
    "load_file",
    "number",
    "numbers",
    "op",
    "operand",
    "optional_operand",
    "registered",
    "result",
    "text",
]
