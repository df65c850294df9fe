"""Custom ops for tests, one of each kind, and models of nodes of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from glassrt import custom
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

DOMAIN = "glass.tests"


@custom.op("glass.tests::Bend")
class Bend(custom.ElementwiseOp):
    """x + bend * x * |x|, and a second operand that is added."""

    x = custom.operand()
    more = custom.optional_operand()
    y = custom.result()
    bend = custom.number(0.5)
    cost = 4

    def compute(self, x: Any, more: Any) -> Any:
        return x + self.bend * x * np.abs(x) + (0 if more is None else more)

    def formula(self, x: custom.Term, more: custom.Term | None) -> custom.Term:
        bent = x + x * x.call("abs") * self.bend
        return bent if more is None else bent + more


@custom.op("glass.tests::Centre")
class Centre(custom.LoopOp):
    """x without the mean of its last axis."""

    x = custom.operand()
    y = custom.result()
    cost = 2

    def row_axes(self) -> tuple[int, ...]:
        return (self.x.type.rank - 1,)

    def compute(self, x: Any) -> Any:
        return x - np.mean(x, -1, keepdims=True)

    def element(self, nest: custom.Nest) -> custom.Term:
        *row, _ = nest.index
        width = self.x.type.shape[-1]
        total = nest.sum([width], lambda k: nest.load(self.x, *row, k))
        return nest.load(self.x, *nest.index) - total / nest.size(width)


@custom.op("glass.tests::Neighbours")
class Neighbours(custom.LoopOp):
    """Each element with both its neighbours along the last axis added, zeros beyond the ends."""

    x = custom.operand()
    y = custom.result()

    def compute(self, x: Any) -> Any:
        padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 1)])
        return padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]

    def element(self, nest: custom.Nest) -> custom.Term:
        *row, column = nest.index
        width = self.x.type.shape[-1]

        def neighbour(k: Any) -> custom.Term:
            at = column + k - 1
            return nest.where(at, 0, width, lambda: nest.load(self.x, *row, at), 0)

        return nest.sum([3], neighbour)


@custom.op("glass.tests::Scaled")
class Scaled(custom.CudaOp):
    """factor * x, of 16-bit and 32-bit floats."""

    x = custom.operand()
    y = custom.result()
    factor = custom.integer(2)
    floats = (custom.F32, custom.F16)

    def compute(self, x: Any) -> Any:
        return self.factor * x

    def cuda(self) -> custom.CudaBody:
        count = self.x.type.elements
        return custom.CudaBody(
            """
            const int i = block * THREADS + thread_x();
            if (i < count) y[i] = convert<y_type>(f32(FACTOR) * convert<f32>(x[i]));
            """,
            blocks=custom.ceildiv(count, 64),
            threads=64,
            constants={"FACTOR": self.factor, "THREADS": 64},
            sizes={"count": count},
        )


@custom.op("glass.tests::Parted")
class Parted(custom.CudaOp):
    """The positive part of the rows of x, the negative part's first column, and how many are positive."""

    x = custom.operand()
    y = custom.result()
    first = custom.result()
    count = custom.result()
    floats = (custom.F32, custom.F16)

    def result_type(self) -> tuple[custom.TensorType, ...]:
        type = self.x.type
        return type, type.with_shape(type.shape[:1]), custom.TensorType(type.shape[:1], custom.I32)

    def compute(self, x: Any) -> Any:
        return np.maximum(x, 0), np.minimum(x[:, 0], 0), (x > 0).sum(-1)

    def cuda(self) -> custom.CudaBody:
        rows, width = self.x.type.shape
        return custom.CudaBody(
            """
            i32 positive = 0;
            for (int k = 0; k < WIDTH; k++) {
                const f32 value = convert<f32>(x[i64(block) * WIDTH + k]);
                positive += value > 0.0f;
                y[i64(block) * WIDTH + k] = convert<y_type>(value > 0.0f ? value : 0.0f);
                if (k == 0) first[block] = convert<first_type>(value < 0.0f ? value : 0.0f);
            }
            count[block] = positive;
            """,
            blocks=rows,
            threads=1,
            constants={"WIDTH": width},
        )


KINDS = ("Bend", "Centre", "Neighbours", "Scaled", "Parted")


def node(kind: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> NodeProto:
    """A node that gives OUTPUTS and is called as the first: of an op above, or else of the standard."""
    domain = DOMAIN if kind in KINDS else attributes.pop("domain", "")
    return helper.make_node(kind, inputs, outputs, name=outputs[0], domain=domain, **attributes)


def model(
    nodes: Sequence[NodeProto],
    shape: Sequence[int | str] = ("N", 24),
    outputs: Sequence[str] = ("y",),
    domain: str = DOMAIN,
    **stored: np.ndarray,
) -> ModelProto:
    """A model of NODES from the float input x to OUTPUTS."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(domain, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def drawn(*shape: int) -> np.ndarray:
    """Random numbers, the same every time."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
