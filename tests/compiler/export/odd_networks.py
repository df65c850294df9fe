"""Small networks whose nodes are not what the compiler makes of them, by what is odd about each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ...models import Array


class Draft:
    """A network under construction; what it stores lies near 0 and 1."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(7)
        self.nodes: list[object] = []
        self.weights: list[TensorProto] = []

    def add(self, op: str, *inputs: str, name: str | None = None, **attributes: object) -> str:
        result = f"t{len(self.nodes)}"
        label = f"{op.lower()}{len(self.nodes)}" if name is None else name
        self.nodes.append(helper.make_node(op, inputs, [result], name=label, **attributes))
        return result

    def weight(self, *shape: int) -> str:
        fan = np.prod(shape[1:]) if len(shape) == 4 else shape[0]
        return self.stored(self.rng.standard_normal(shape) / np.sqrt(fan))

    def positive(self, *shape: int) -> str:
        return self.stored(self.rng.uniform(0.5, 1.5, shape))

    def stored(self, array: object) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def norm(self, x: str, channels: int) -> str:
        shift, mean = self.weight(channels), self.weight(channels)
        return self.add(
            "BatchNormalization", x, self.positive(channels), shift, mean, self.positive(channels)
        )

    def done(self, shape: tuple[int | str, ...], *outputs: str, opset: int = 17, ir: int = 8) -> ModelProto:
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
        if ir < 4:  # every initialiser had to be an input
            given += [helper.make_tensor_value_info(w.name, TensorProto.FLOAT, w.dims) for w in self.weights]
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "odd", given, results, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


ROWS, IMAGES = (8, 16), (2, 4, 6, 6)


def _last(net: Draft, x: str, inner: int) -> str:
    """A product behind all others, which stays in floats."""
    return net.add("MatMul", x, net.weight(inner, 3))


def scaled_gemm() -> ModelProto:
    """alpha is folded into the weights, whose rows are channels; the result has no node of its own."""
    net = Draft()
    y = net.add("Gemm", "x", net.weight(12, 16), net.weight(12), alpha=0.5, beta=2.0, transB=1)
    return net.done(ROWS, _last(net, net.add("Relu", y), 12))


def scaled_product() -> ModelProto:
    """A product without a bias of its own takes in a sum and a factor per column."""
    net = Draft()
    y = net.add("Add", net.add("MatMul", "x", net.weight(16, 16)), net.weight(16))
    y = net.add("Mul", y, net.positive(16))
    return net.done(ROWS, _last(net, net.add("Relu", y), 16))


def turned_operands() -> ModelProto:
    """The first operand is transposed by the node itself, weights by a node before, others are computed."""
    net = Draft()
    y = net.add("Gemm", "x", net.weight(8, 16), transA=1, transB=0)  # [16, 16]
    y = net.add("MatMul", net.add("Relu", y), net.add("Transpose", net.weight(12, 16), perm=[1, 0]))
    y = net.add("Gemm", y, net.add("Mul", net.weight(12, 10), net.stored(2.0)))
    return net.done(ROWS, _last(net, y, 10))


def padded_and_normalised() -> ModelProto:
    """Zeros are put around by a node, and the node is unnamed; a factor follows the normalisation."""
    net = Draft()
    pads = net.stored(0.0)
    net.weights[-1].CopyFrom(numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), pads))
    y = net.add("Conv", net.add("Pad", "x", pads), net.weight(8, 4, 3, 3), net.weight(8), name="")
    y = net.add("Mul", net.norm(y, 8), net.positive(8, 1, 1))
    y = net.add("Conv", net.add("Relu", y), net.weight(8, 8, 1, 1))
    y = net.add("ReduceMean", net.norm(y, 8), axes=[2, 3], keepdims=0)
    return net.done(IMAGES, _last(net, y, 8))


def equal_twins() -> ModelProto:
    """Two nodes compute the same, with other names, and become one op; so do what they read."""
    net = Draft()
    w = net.weight(4, 4, 1, 1)
    one, other = (net.add("Conv", "x", w) for _ in range(2))
    y = net.add("Add", net.add("Relu", one), net.add("Relu", other))
    y = net.add("ReduceMean", net.add("Conv", y, net.weight(4, 4, 3, 3)), axes=[2, 3], keepdims=0)
    return net.done(IMAGES, _last(net, y, 4))


def handed_on() -> ModelProto:
    """A tensor that is stored in eight bits is an output too, under another name, and read under both."""
    net = Draft()
    y = net.add("Relu", net.add("Conv", "x", net.weight(4, 4, 1, 1)))
    same = net.add("Identity", y)
    z = net.add("Add", net.add("Conv", same, net.weight(4, 4, 3, 3), pads=[1] * 4), y)
    z = net.add("ReduceMean", z, axes=[2, 3], keepdims=0)
    return net.done(IMAGES, _last(net, z, 4), same)


def summed_branches() -> ModelProto:
    """Of two products that are added up, the first hands its sum on in eight bits."""
    net = Draft()
    x = net.add("Relu", net.norm(net.add("Conv", "x", net.weight(4, 4, 1, 1)), 4))
    one = net.norm(net.add("Conv", x, net.weight(4, 4, 1, 1)), 4)
    other = net.norm(net.add("Conv", x, net.weight(4, 4, 3, 3), pads=[1] * 4), 4)
    y = net.add("ReduceMean", net.add("Relu", net.add("Add", one, other)), axes=[2, 3], keepdims=0)
    return net.done(IMAGES, _last(net, y, 4))


def several_matrices() -> ModelProto:
    """A stack of weight matrices, with a scale per column of all of them; weights in a Constant node."""
    net = Draft()
    x = net.add("Reshape", "x", net.add("Constant", value_ints=[2, 4, 16]))
    y = net.add("Relu", net.add("MatMul", x, net.weight(2, 16, 8)))
    held = numpy_helper.from_array(net.rng.standard_normal((8, 8)).astype(np.float32))
    y = net.add("MatMul", y, net.add("Constant", value=held))
    return net.done(ROWS, _last(net, y, 8))


def old_file() -> ModelProto:
    """Opset 9 and IR version 3: scales per channel are later than both."""
    net = Draft()
    y = net.add("Dropout", net.add("Relu", net.norm(net.add("Conv", "x", net.weight(4, 4, 3, 3)), 4)))
    y = net.add("Flatten", net.add("GlobalAveragePool", net.add("Conv", y, net.weight(4, 4, 1, 1))))
    return net.done(IMAGES, _last(net, y, 4), opset=9, ir=3)


ODD: dict[str, Callable[[], ModelProto]] = {
    make.__name__: make
    for make in (
        scaled_gemm, scaled_product, turned_operands, padded_and_normalised, equal_twins, handed_on,
        summed_branches, several_matrices, old_file,
    )
}  # fmt: skip


def inputs(model: ModelProto, count: int = 1) -> list[dict[str, Array]]:
    """COUNT batches for MODEL."""
    sizes = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    rng = np.random.default_rng(3)
    return [{"x": rng.standard_normal(sizes).astype(np.float32)} for _ in range(count)]
