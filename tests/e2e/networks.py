"""Small networks in the styles of the real ones, with random weights that keep activations lively."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
Dim = int | str


@dataclass
class Net:
    """Builds an ONNX model node by node; every tensor has a name of its own."""

    seed: int = 0
    opset: int = 18
    nodes: list[NodeProto] = field(default_factory=list)
    inputs: list[ValueInfoProto] = field(default_factory=list)
    weights: list[TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def input(self, name: str, *shape: Dim, dtype: int = TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def op(self, kind: str, *operands: str, outputs: int = 1, **attributes: Any) -> Any:
        """The name of the result, or the names of several."""
        number = len(self.nodes)
        names = [f"{kind.lower()}{number}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, operands, names, name=f"{kind}_{number}", **attributes))
        return names[0] if outputs == 1 else names

    def const(self, array: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def normal(self, *shape: int, scale: float = 1.0, around: float = 0.0) -> str:
        return self.const((self.random.standard_normal(shape) * scale + around).astype(np.float32))

    def done(self, *outputs: str) -> ModelProto:
        values = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph(self.nodes, "net", self.inputs, values, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)

    # ------------------------------------------------------------ layers

    def conv(self, x: str, cin: int, cout: int, size: int = 3, **attributes: Any) -> str:
        """A convolution with bias that keeps the size of the image unless it has strides."""
        groups = attributes.get("group", 1)
        attributes.setdefault("pads", [size // 2] * 4)
        fan_in = cin // groups * size * size
        w = self.normal(cout, cin // groups, size, size, scale=float(np.sqrt(2 / fan_in)))
        return str(self.op("Conv", x, w, self.normal(cout, scale=0.1), **attributes))

    def batch_norm(self, x: str, channels: int) -> str:
        statistics = [self.normal(channels, scale=0.1, around=around) for around in (1.0, 0.0, 0.0)]
        variance = self.const(self.random.uniform(0.5, 1.5, channels).astype(np.float32))
        return str(self.op("BatchNormalization", x, *statistics, variance))

    def relu(self, x: str) -> str:
        return str(self.op("Relu", x))

    def dense(self, x: str, rows: int, columns: int) -> str:
        """Gemm with a transposed weight."""
        w = self.normal(columns, rows, scale=float(np.sqrt(1 / rows)))
        return str(self.op("Gemm", x, w, self.normal(columns, scale=0.1), transB=1))

    def linear(self, x: str, rows: int, columns: int) -> str:
        """MatMul and Add, as transformers have it."""
        product = self.op("MatMul", x, self.normal(rows, columns, scale=float(np.sqrt(1 / rows))))
        return str(self.op("Add", product, self.normal(columns, scale=0.1)))

    def layer_norm(self, x: str, size: int) -> str:
        scale, bias = self.normal(size, scale=0.1, around=1.0), self.normal(size, scale=0.1)
        return str(self.op("LayerNormalization", x, scale, bias, axis=-1))

    def ints(self, *values: int) -> str:
        return self.const(np.array(values, np.int64))


def resnet(batch: Dim = "N") -> ModelProto:
    """Convolution, batch norm, residual additions, max pooling, global average, Gemm."""
    net = Net(1)
    x = net.input("image", batch, 3, 16, 16)
    x = net.relu(net.batch_norm(net.conv(x, 3, 16, 3, strides=[2, 2]), 16))
    x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inner = net.relu(net.batch_norm(net.conv(x, 16, 16, 1), 16))
    inner = net.batch_norm(net.conv(inner, 16, 32, 3), 32)
    x = net.relu(net.op("Add", inner, net.batch_norm(net.conv(x, 16, 32, 1), 32)))
    inner = net.batch_norm(net.conv(net.relu(net.conv(x, 32, 16, 1)), 16, 32, 3), 32)
    x = net.relu(net.op("Add", x, inner))
    x = net.op("Flatten", net.op("GlobalAveragePool", x))
    return net.done(net.dense(x, 32, 10))


def mobilenet(batch: Dim = "N") -> ModelProto:
    """Inverted residuals: 1x1, depthwise 3x3, 1x1; relu6 as Clip; hard swish; squeeze and excitation."""
    net = Net(2)
    x = net.input("image", batch, 3, 12, 12)
    low, high = net.const(np.float32(0)), net.const(np.float32(6))
    x = net.op("HardSwish", net.conv(x, 3, 8, 3, strides=[2, 2]))
    wide = net.op("Clip", net.conv(x, 8, 24, 1), low, high)
    wide = net.op("Clip", net.conv(wide, 24, 24, 3, group=24), low, high)
    squeezed = net.relu(net.conv(net.op("GlobalAveragePool", wide), 24, 6, 1))
    wide = net.op("Mul", wide, net.op("HardSigmoid", net.conv(squeezed, 6, 24, 1)))
    x = net.op("Add", x, net.conv(wide, 24, 8, 1))
    x = net.op("Clip", net.conv(x, 8, 8, 5, group=8, strides=[2, 2]), low, high)
    x = net.op("ReduceMean", x, net.ints(2, 3), keepdims=0)
    return net.done(net.dense(x, 8, 10))


def shufflenet(batch: Dim = "N") -> ModelProto:
    """Grouped 1x1 convolutions, channel shuffles, depthwise convolution, average pooling, concatenation."""
    net = Net(3)
    x = net.input("image", batch, 8, 8, 8)
    inner = net.relu(net.conv(x, 8, 16, 1, group=4))
    inner = net.op("Reshape", inner, net.ints(0, 4, 4, 8, 8))
    inner = net.op("Reshape", net.op("Transpose", inner, perm=[0, 2, 1, 3, 4]), net.ints(0, 16, 8, 8))
    inner = net.conv(inner, 16, 16, 3, group=16, strides=[2, 2])
    inner = net.conv(inner, 16, 24, 1, group=4)
    short = net.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    x = net.relu(net.op("Concat", short, inner, axis=1))
    return net.done(net.dense(net.op("Flatten", net.op("GlobalAveragePool", x)), 32, 10))


def inception(batch: Dim = "N") -> ModelProto:
    """Branches of different kernels joined by Concat, with pooling and LRN."""
    net = Net(4)
    x = net.input("image", batch, 3, 10, 10)
    x = net.op("LRN", net.relu(net.conv(x, 3, 12, 3)), size=5, alpha=1e-2)
    branches = [
        net.relu(net.conv(x, 12, 6, 1)),
        net.relu(net.conv(net.relu(net.conv(x, 12, 4, 1)), 4, 8, 3)),
        net.relu(net.conv(net.relu(net.conv(x, 12, 3, 1)), 3, 5, 5)),
        net.relu(
            net.conv(net.op("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]), 12, 5, 1)
        ),
    ]
    x = net.op("Concat", *branches, axis=1)
    x = net.op("AveragePool", x, kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1)
    return net.done(net.op("Softmax", net.dense(net.op("Flatten", x), 24 * 16, 10), axis=-1))


def densenet(batch: Dim = "N") -> ModelProto:
    """Batch norm, relu and convolution in that order; every layer's result is concatenated to all before."""
    net = Net(5)
    x = net.conv(net.input("image", batch, 3, 8, 8), 3, 8, 3)
    channels = 8
    for _ in range(3):
        inner = net.conv(net.relu(net.batch_norm(x, channels)), channels, 8, 1)
        inner = net.conv(net.relu(net.batch_norm(inner, 8)), 8, 4, 3)
        x = net.op("Concat", x, inner, axis=1)
        channels += 4
    x = net.conv(net.relu(net.batch_norm(x, channels)), channels, 10, 1)
    x = net.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    return net.done(net.op("Flatten", net.op("GlobalAveragePool", net.relu(x))))


def transformer(batch: Dim = "N") -> ModelProto:
    """One encoder block: attention over 6 tokens in 2 heads, layer norms, GELU from Erf, residuals."""
    tokens, width, heads = 6, 16, 2
    net = Net(6)
    x = net.input("tokens", batch, tokens, width)
    shape = net.ints(0, tokens, heads, width // heads)
    query, key, value = (
        net.op("Reshape", net.linear(net.layer_norm(x, width), width, width), shape) for _ in range(3)
    )
    query = net.op("Transpose", query, perm=[0, 2, 1, 3])
    key = net.op("Transpose", key, perm=[0, 2, 3, 1])
    value = net.op("Transpose", value, perm=[0, 2, 1, 3])
    scale = net.const(np.float32((width // heads) ** -0.5))
    scores = net.op("Softmax", net.op("Mul", net.op("MatMul", query, key), scale), axis=-1)
    mixed = net.op("Transpose", net.op("MatMul", scores, value), perm=[0, 2, 1, 3])
    mixed = net.op("Reshape", mixed, net.ints(0, tokens, width))
    x = net.op("Add", x, net.linear(mixed, width, width))
    wide = net.linear(net.layer_norm(x, width), width, 32)
    error = net.op("Erf", net.op("Div", wide, net.const(np.float32(np.sqrt(2)))))
    one, half = net.const(np.float32(1)), net.const(np.float32(0.5))
    gelu = net.op("Mul", net.op("Mul", wide, net.op("Add", error, one)), half)
    return net.done(net.layer_norm(net.op("Add", x, net.linear(gelu, 32, width)), width))


def detector(batch: Dim = "N") -> ModelProto:
    """A single-shot detector's head: sizes taken from Shape, transposes, Concat over scales, box decoding."""
    net = Net(7)
    x = net.relu(net.conv(net.input("image", batch, 3, 16, 16), 3, 8, 3, strides=[2, 2]))
    scores, boxes = [], []
    for channels in (8, 12):
        for made, width in ((scores, 2), (boxes, 4)):
            head = net.op("Transpose", net.conv(x, channels, 2 * width, 3), perm=[0, 2, 3, 1])
            made.append(_flattened(net, head, width))
        x = net.relu(net.conv(x, channels, 12, 3, strides=[2, 2]))
    confidence = net.op("Softmax", net.op("Concat", *scores, axis=1), axis=-1)
    located = net.op("Concat", *boxes, axis=1)
    priors = net.random.uniform(0.1, 0.9, (1, 2 * (64 + 16), 4)).astype(np.float32)
    centre = net.op("Slice", located, net.ints(0), net.ints(2), net.ints(2))
    extent = net.op("Slice", located, net.ints(2), net.ints(2**31 - 1), net.ints(2))
    tenth = net.const(np.float32(0.1))
    centre = net.op("Mul", net.op("Mul", centre, tenth), net.const(priors[..., 2:]))
    centre = net.op("Add", centre, net.const(priors[..., :2]))
    extent = net.op("Mul", net.op("Exp", net.op("Mul", extent, tenth)), net.const(priors[..., 2:]))
    half = net.op("Div", extent, net.const(np.float32(2)))
    corners = net.op("Concat", net.op("Sub", centre, half), net.op("Add", centre, half), axis=2)
    return net.done(confidence, corners)


def _flattened(net: Net, x: str, width: int) -> str:
    """X as [batch, anchors, WIDTH], where the batch is what Shape says it is."""
    size = net.op("Gather", net.op("Shape", x), net.const(np.int64(0)), axis=0)
    size = net.op("Unsqueeze", size, net.ints(0))
    shape = net.op("Concat", size, net.ints(-1), net.ints(width), axis=0)
    return str(net.op("Reshape", x, shape))


NETWORKS: dict[str, Callable[[Dim], ModelProto]] = {
    "resnet": resnet,
    "mobilenet": mobilenet,
    "shufflenet": shufflenet,
    "inception": inception,
    "densenet": densenet,
    "transformer": transformer,
    "detector": detector,
}


def feeds(model: ModelProto, batch: int, seed: int = 0) -> dict[str, Array]:
    """Standard normal inputs for MODEL with BATCH for every symbol."""
    random = np.random.default_rng(seed)
    result: dict[str, Array] = {}
    for value in model.graph.input:
        sizes: Sequence[int] = [dim.dim_value or batch for dim in value.type.tensor_type.shape.dim]
        result[value.name] = random.standard_normal(sizes, dtype=np.float32)
    return result
