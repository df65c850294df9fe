"""Three networks for images as ONNX models, layer by layer, with random weights: the sizes of the originals.

EfficientNet-B0 (Tan and Le, 2019) and DenseNet-121 (Huang et al., 2017) have the layers of torchvision's,
YOLOX-s (Ge et al., 2021) those of its own repository without the decoding of boxes. Batch norms stand alone,
as they do in exports of models that are being trained; activations are spelled as torch.onnx spells them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper


class VisionNetwork:
    """Builds a model of one image; a tensor is its name, `channels` knows how many channels each has."""

    def __init__(self, size: int) -> None:
        self.random = np.random.default_rng(0)
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self.channels = {"image": 3}
        self.shape = [1, 3, size, size]

    def op(self, kind: str, *operands: str, channels: int | None = None, **attributes: Any) -> str:
        """The result of a node; it has the CHANNELS of its first operand unless told."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, operands, [name], name=f"{kind}_{name}", **attributes))
        self.channels[name] = self.channels[operands[0]] if channels is None else channels
        return name

    def weight(self, *shape: int, around: float = 0.0, scale: float = 0.1) -> str:
        array = self.random.standard_normal(shape, np.float32) * scale + around
        return self.constant(np.abs(array) if around else array)

    def constant(self, array: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def conv(self, x: str, out: int, size: int, stride: int = 1, group: int = 1, bias: bool = False) -> str:
        inner = self.channels[x] // group
        w = self.weight(out, inner, size, size, scale=(2 / (inner * size * size)) ** 0.5)
        more = [self.weight(out)] if bias else []
        return self.op("Conv", x, w, *more, channels=out, group=group, kernel_shape=[size] * 2,
                       strides=[stride] * 2, pads=[(size - 1) // 2] * 4)  # fmt: skip

    def norm(self, x: str) -> str:
        count = self.channels[x]
        parts = (self.weight(count, around=1.0), self.weight(count), self.weight(count))
        return self.op("BatchNormalization", x, *parts, self.weight(count, around=1.0))

    def silu(self, x: str) -> str:
        return self.op("Mul", x, self.op("Sigmoid", x))

    def relu(self, x: str) -> str:
        return self.op("Relu", x)

    def concat(self, *parts: str) -> str:
        return self.op("Concat", *parts, channels=sum(self.channels[part] for part in parts), axis=1)

    def max_pool(self, x: str, size: int, stride: int) -> str:
        return self.op("MaxPool", x, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[size // 2] * 4)

    def classes(self, x: str, count: int) -> str:
        pooled = self.op("Flatten", self.op("GlobalAveragePool", x), axis=1)
        return self.op("Gemm", pooled, self.weight(count, self.channels[x]), self.weight(count), transB=1)

    def model(self, name: str, output: str) -> ModelProto:
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, self.shape)
        found = helper.make_empty_tensor_value_info(output)
        graph = helper.make_graph(self.nodes, name, [image], [found], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


# ---------------------------------------------------------------- EfficientNet-B0

# expansion, channels, layers, size of the filter, stride of the first layer
STAGES = ((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2),
          (6, 112, 3, 5, 1), (6, 192, 4, 5, 2), (6, 320, 1, 3, 1))  # fmt: skip


def efficientnet_b0() -> ModelProto:
    net = VisionNetwork(224)
    x = net.silu(net.norm(net.conv("image", 32, 3, 2)))
    for expansion, out, layers, size, stride in STAGES:
        for layer in range(layers):
            x = _inverted_residual(net, x, expansion, out, size, 1 if layer else stride)
    return net.model("efficientnet_b0", net.classes(net.silu(net.norm(net.conv(x, 1280, 1))), 1000))


def _inverted_residual(net: VisionNetwork, x: str, expansion: int, out: int, size: int, stride: int) -> str:
    into = net.channels[x]
    wide = into * expansion
    y = net.silu(net.norm(net.conv(x, wide, 1))) if expansion > 1 else x
    y = net.silu(net.norm(net.conv(y, wide, size, stride, group=wide)))
    squeezed = net.silu(net.conv(net.op("GlobalAveragePool", y), into // 4, 1, bias=True))
    y = net.op("Mul", y, net.op("Sigmoid", net.conv(squeezed, wide, 1, bias=True)))
    y = net.norm(net.conv(y, out, 1))
    return net.op("Add", y, x) if stride == 1 and into == out else y


# ---------------------------------------------------------------- DenseNet-121


def densenet121() -> ModelProto:
    net = VisionNetwork(224)
    x = net.max_pool(net.relu(net.norm(net.conv("image", 64, 7, 2))), 3, 2)
    for layers in (6, 12, 24, 16):
        if layers > 6:
            x = net.conv(net.relu(net.norm(x)), net.channels[x] // 2, 1)
            x = net.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
        parts = [x]
        for _ in range(layers):
            joined = net.concat(*parts) if parts[1:] else x
            y = net.conv(net.relu(net.norm(joined)), 128, 1)
            parts.append(net.conv(net.relu(net.norm(y)), 32, 3))
        x = net.concat(*parts)
    return net.model("densenet121", net.classes(net.relu(net.norm(x)), 1000))


# ---------------------------------------------------------------- YOLOX-s


def yolox_s() -> ModelProto:
    net = VisionNetwork(640)
    scales = _pyramid(net, *_darknet(net))
    heads = [_head(net, x) for x in scales]
    flat = [net.op("Reshape", head, net.constant(np.array([1, 85, -1], np.int64))) for head in heads]
    joined = net.op("Concat", *flat, axis=2)
    return net.model("yolox_s", net.op("Transpose", joined, perm=[0, 2, 1]))


def _layer(net: VisionNetwork, x: str, out: int, size: int, stride: int = 1) -> str:
    return net.silu(net.norm(net.conv(x, out, size, stride)))


def _csp(net: VisionNetwork, x: str, out: int, depth: int, residual: bool = True) -> str:
    """The cross stage partial layer: bottlenecks on half of the channels, the other half beside them."""
    y, beside = _layer(net, x, out // 2, 1), _layer(net, x, out // 2, 1)
    for _ in range(depth):
        inner = _layer(net, _layer(net, y, out // 2, 1), out // 2, 3)
        y = net.op("Add", inner, y) if residual else inner
    return _layer(net, net.concat(y, beside), out, 1)


def _darknet(net: VisionNetwork) -> tuple[str, str, str]:
    """The backbone: features at 1/8, 1/16 and 1/32 of the image."""
    corners = [net.op("Slice", "image", *(net.constant(np.array(part, np.int64)) for part in
                                           ([row, column], [1 << 40] * 2, [2, 3], [2, 2])))
               for column in (0, 1) for row in (0, 1)]  # fmt: skip
    x = _layer(net, net.concat(*corners), 32, 3)
    x = _csp(net, _layer(net, x, 64, 3, 2), 64, 1)
    eighth = _csp(net, _layer(net, x, 128, 3, 2), 128, 3)
    sixteenth = _csp(net, _layer(net, eighth, 256, 3, 2), 256, 3)
    x = _layer(net, _layer(net, sixteenth, 512, 3, 2), 256, 1)
    pooled = net.concat(x, *(net.max_pool(x, size, 1) for size in (5, 9, 13)))
    return eighth, sixteenth, _csp(net, _layer(net, pooled, 512, 1), 512, 1, residual=False)


def _pyramid(net: VisionNetwork, eighth: str, sixteenth: str, last: str) -> tuple[str, str, str]:
    """The path aggregation network, top down and bottom up."""
    lateral = _layer(net, last, 256, 1)
    middle = _csp(net, net.concat(_doubled(net, lateral), sixteenth), 256, 1, residual=False)
    reduced = _layer(net, middle, 128, 1)
    fine = _csp(net, net.concat(_doubled(net, reduced), eighth), 128, 1, residual=False)
    middle = _csp(net, net.concat(_layer(net, fine, 128, 3, 2), reduced), 256, 1, residual=False)
    coarse = _csp(net, net.concat(_layer(net, middle, 256, 3, 2), lateral), 512, 1, residual=False)
    return fine, middle, coarse


def _doubled(net: VisionNetwork, x: str) -> str:
    scales = net.constant(np.array([1, 1, 2, 2], np.float32))
    return net.op("Resize", x, "", scales, mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")  # fmt: skip


def _head(net: VisionNetwork, x: str) -> str:
    """The decoupled head: boxes, objectness and 80 classes of each position."""
    x = _layer(net, x, 128, 1)
    classes, boxes = (_layer(net, _layer(net, x, 128, 3), 128, 3) for _ in range(2))
    scores = net.op("Sigmoid", net.conv(classes, 80, 1, bias=True))
    object_score = net.op("Sigmoid", net.conv(boxes, 1, 1, bias=True))
    return net.concat(net.conv(boxes, 4, 1, bias=True), object_score, scores)


MODELS: dict[str, Callable[[], ModelProto]] = {
    "efficientnet_b0": efficientnet_b0,
    "yolox_s": yolox_s,
    "densenet121": densenet121,
}
