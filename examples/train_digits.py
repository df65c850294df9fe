"""Train the digits network that GlassRT ships, with numpy alone, and write it as ONNX.

    python examples/train_digits.py [FOLDER]

writes `digits.onnx` and `digits_test.npz` (the images and labels held out from training) to
FOLDER, by default this script's. The data are scikit-learn's 1,797 handwritten digits of 8x8
pixels. The network is small but has what real ones have: convolutions with batch normalisation
left unfused, a residual connection, a depthwise-separable block, two kinds of pooling, a dense
layer, and a symbolic batch "N".
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

SEED = 7
EPOCHS = 40
BATCH = 32
RATE = 4e-3
DECAY = 1e-4
HELD_OUT = 360
EPSILON = 1e-5

Array = np.ndarray[Any, np.dtype[np.float32]]


class Layer:
    """A step of the network; `parameters` are trained by the `gradients` of the same keys."""

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}

    def forward(self, x: Array, training: bool) -> Array:
        raise NotImplementedError

    def backward(self, grad: Array) -> Array:
        raise NotImplementedError

    def export(self, graph: OnnxWriter, x: str) -> str:
        raise NotImplementedError


class ConvLayer(Layer):
    """Convolution, stride 1, "same" padding, no bias. Weights [out, in/groups, k, k]; groups is 1 or in."""

    def __init__(
        self, rng: np.random.Generator, inputs: int, outputs: int, size: int, depthwise: bool = False
    ):
        super().__init__()
        self.groups = inputs if depthwise else 1
        self.pad = size // 2
        fan_in = inputs // self.groups * size * size
        shape = (outputs, inputs // self.groups, size, size)
        weights = rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        self.parameters["weight"] = weights.astype(np.float32)

    def _windows(self, x: Array) -> Array:
        """Every k x k neighbourhood: [N, C, H, W, k, k]."""
        padding = ((0, 0), (0, 0), (self.pad, self.pad), (self.pad, self.pad))
        size = 2 * self.pad + 1
        return sliding_window_view(np.pad(x, padding), (size, size), axis=(2, 3))

    def forward(self, x: Array, training: bool) -> Array:
        self.x = x
        return self._correlate(self._windows(x), self.parameters["weight"])

    def _correlate(self, windows: Array, weight: Array) -> Array:
        if self.groups > 1:
            return np.einsum("nchwij,cij->nchw", windows, weight[:, 0], optimize=True)
        return np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)

    def backward(self, grad: Array) -> Array:
        weight = self.parameters["weight"]
        flipped = weight[:, :, ::-1, ::-1]
        if self.groups > 1:
            sums = np.einsum("nchwij,nchw->cij", self._windows(self.x), grad, optimize=True)
            self.gradients["weight"] = sums[:, None]
        else:
            windows = self._windows(self.x)
            self.gradients["weight"] = np.tensordot(grad, windows, axes=((0, 2, 3), (0, 2, 3)))
            flipped = flipped.transpose(1, 0, 2, 3)
        return self._correlate(self._windows(grad), flipped)

    def export(self, graph: OnnxWriter, x: str) -> str:
        weight = graph.constant(self.parameters["weight"])
        size = 2 * self.pad + 1
        return graph.node(
            "Conv",
            [x, weight],
            group=self.groups,
            kernel_shape=[size, size],
            pads=[self.pad] * 4,
            strides=[1, 1],
        )


class BatchNormLayer(Layer):
    """Batch normalisation over N, H, W; running statistics serve inference."""

    def __init__(self, channels: int):
        super().__init__()
        self.parameters["scale"] = np.ones(channels, np.float32)
        self.parameters["bias"] = np.zeros(channels, np.float32)
        self.mean = np.zeros(channels, np.float32)
        self.variance = np.ones(channels, np.float32)

    def forward(self, x: Array, training: bool) -> Array:
        mean, variance = self.mean, self.variance
        if training:
            mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
            self.mean = 0.9 * self.mean + 0.1 * mean
            self.variance = 0.9 * self.variance + 0.1 * variance
        self.deviation = np.sqrt(variance + EPSILON)
        self.normal = (x - _per_channel(mean)) / _per_channel(self.deviation)
        return self.normal * _per_channel(self.parameters["scale"]) + _per_channel(self.parameters["bias"])

    def backward(self, grad: Array) -> Array:
        self.gradients["bias"] = grad.sum(axis=(0, 2, 3))
        self.gradients["scale"] = (grad * self.normal).sum(axis=(0, 2, 3))
        count = grad.size // grad.shape[1]
        centred = grad - _per_channel(self.gradients["bias"] / count)
        centred = centred - self.normal * _per_channel(self.gradients["scale"] / count)
        return centred * _per_channel(self.parameters["scale"] / self.deviation)

    def export(self, graph: OnnxWriter, x: str) -> str:
        values = (self.parameters["scale"], self.parameters["bias"], self.mean, self.variance)
        return graph.node("BatchNormalization", [x, *map(graph.constant, values)], epsilon=EPSILON)


class ReluLayer(Layer):
    def forward(self, x: Array, training: bool) -> Array:
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad: Array) -> Array:
        return grad * self.mask

    def export(self, graph: OnnxWriter, x: str) -> str:
        return graph.node("Relu", [x])


class MaxPoolLayer(Layer):
    """2x2, stride 2."""

    def forward(self, x: Array, training: bool) -> Array:
        n, c, h, w = x.shape
        tiles = x.reshape(n, c, h // 2, 2, w // 2, 2)
        result = tiles.max(axis=(3, 5))
        self.mask = tiles == result[:, :, :, None, :, None]
        return result

    def backward(self, grad: Array) -> Array:
        n, c, h, w = grad.shape
        shared = self.mask.sum(axis=(3, 5), keepdims=True)  # ties share the gradient
        spread = self.mask * grad[:, :, :, None, :, None] / shared
        return spread.reshape(n, c, 2 * h, 2 * w).astype(np.float32)

    def export(self, graph: OnnxWriter, x: str) -> str:
        return graph.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])


class MeanPool(Layer):
    """Mean over the image, to [N, C]."""

    def forward(self, x: Array, training: bool) -> Array:
        self.shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, grad: Array) -> Array:
        area = self.shape[2] * self.shape[3]
        return np.broadcast_to(grad[:, :, None, None] / area, self.shape).astype(np.float32)

    def export(self, graph: OnnxWriter, x: str) -> str:
        return graph.node("Flatten", [graph.node("GlobalAveragePool", [x])], axis=1)


class Dense(Layer):
    def __init__(self, rng: np.random.Generator, inputs: int, outputs: int):
        super().__init__()
        weights = rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)
        self.parameters["weight"] = weights.astype(np.float32)
        self.parameters["bias"] = np.zeros(outputs, np.float32)

    def forward(self, x: Array, training: bool) -> Array:
        self.x = x
        return x @ self.parameters["weight"].T + self.parameters["bias"]

    def backward(self, grad: Array) -> Array:
        self.gradients["weight"] = grad.T @ self.x
        self.gradients["bias"] = grad.sum(axis=0)
        return grad @ self.parameters["weight"]

    def export(self, graph: OnnxWriter, x: str) -> str:
        weight, bias = (graph.constant(self.parameters[key]) for key in ("weight", "bias"))
        return graph.node("Gemm", [x, weight, bias], transB=1)


class Chain(Layer):
    """Layers one after the other."""

    def __init__(self, *layers: Layer):
        super().__init__()
        self.layers = layers

    def forward(self, x: Array, training: bool) -> Array:
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, grad: Array) -> Array:
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def export(self, graph: OnnxWriter, x: str) -> str:
        for layer in self.layers:
            x = layer.export(graph, x)
        return x

    def leaves(self) -> list[Layer]:
        """The layers that are no chains, at any depth."""
        nested = (layer.leaves() if isinstance(layer, Chain) else [layer] for layer in self.layers)
        return [leaf for leaves in nested for leaf in leaves]


class Residual(Chain):
    """A chain added to its own input."""

    def forward(self, x: Array, training: bool) -> Array:
        return x + super().forward(x, training)

    def backward(self, grad: Array) -> Array:
        return grad + super().backward(grad)

    def export(self, graph: OnnxWriter, x: str) -> str:
        return graph.node("Add", [super().export(graph, x), x])


class OnnxWriter:
    """Collects nodes and initialisers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Array) -> str:
        name = f"weight_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def shape(self, *sizes: int) -> str:
        """A constant of whole numbers, such as a shape."""
        name = f"weight_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(sizes, np.int64), name))
        return name

    def node(self, op: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"


def network(rng: np.random.Generator) -> Chain:
    """Image [N, 1, 8, 8] in 0..1 to logits [N, 10]."""
    return Chain(
        Chain(ConvLayer(rng, 1, 16, 3), BatchNormLayer(16), ReluLayer()),
        Residual(
            ConvLayer(rng, 16, 16, 3),
            BatchNormLayer(16),
            ReluLayer(),
            ConvLayer(rng, 16, 16, 3),
            BatchNormLayer(16),
        ),
        ReluLayer(),
        MaxPoolLayer(),
        Chain(ConvLayer(rng, 16, 16, 3, depthwise=True), BatchNormLayer(16), ReluLayer()),
        Chain(ConvLayer(rng, 16, 32, 1), BatchNormLayer(32), ReluLayer()),
        Chain(ConvLayer(rng, 32, 32, 3), BatchNormLayer(32), ReluLayer()),
        MeanPool(),
        Dense(rng, 32, 10),
    )


def train(
    model: Chain,
    images: Array,
    labels: np.ndarray[Any, Any],
    rng: np.random.Generator,
    epochs: int = EPOCHS,
) -> None:
    """Adam with a cosine schedule, on images shifted by up to one pixel."""
    leaves = model.leaves()
    moments = [_zero_moments(leaf) for leaf in leaves]
    steps = epochs * (len(images) // BATCH)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(images))[: len(images) // BATCH * BATCH]
        for chosen in order.reshape(-1, BATCH):
            step += 1
            logits = model.forward(_shifted(images[chosen], rng), training=True)
            grad = _softmax(logits)
            grad[np.arange(BATCH), labels[chosen]] -= 1
            model.backward(grad / BATCH)
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            for leaf, moment in zip(leaves, moments, strict=True):
                _adam(leaf, moment, rate, step)


def _zero_moments(leaf: Layer) -> dict[str, Array]:
    return {key: np.zeros((2, *value.shape), np.float32) for key, value in leaf.parameters.items()}


def _adam(leaf: Layer, moments: dict[str, Array], rate: float, step: int) -> None:
    for key, value in leaf.parameters.items():
        grad, moment = leaf.gradients[key], moments[key]
        moment[0] += 0.1 * (grad - moment[0])
        moment[1] += 0.01 * (grad * grad - moment[1])
        update = (moment[0] / (1 - 0.9**step)) / (np.sqrt(moment[1] / (1 - 0.99**step)) + 1e-8)
        leaf.parameters[key] = (value - rate * (update + DECAY * value)).astype(np.float32)


def _shifted(images: Array, rng: np.random.Generator) -> Array:
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = rng.integers(0, 3, (2, len(images)))
    windows = sliding_window_view(padded, (8, 8), axis=(2, 3))
    return np.ascontiguousarray(windows[np.arange(len(images)), :, rows, columns])


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _per_channel(values: Array) -> Array:
    return values[:, None, None]


def to_onnx(model: Chain) -> onnx.ModelProto:
    """The trained model for inference: input "image" [N, 1, 8, 8], output "logits" [N, 10]."""
    writer = OnnxWriter()
    model.export(writer, "image")
    writer.nodes[-1].output[0] = "logits"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])
    graph = helper.make_graph(writer.nodes, "digits", [image], [logits], writer.constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    proto.producer_name = "train_digits"
    onnx.checker.check_model(proto, full_check=True)
    return proto


def main(folder: Path) -> None:
    rng = np.random.default_rng(SEED)
    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    order = rng.permutation(len(images))
    held_out, kept = order[:HELD_OUT], order[HELD_OUT:]
    model = network(rng)
    train(model, images[kept], labels[kept], rng)
    for name, chosen in (("training", kept), ("held-out", held_out)):
        predicted = model.forward(images[chosen], training=False).argmax(axis=1)
        print(f"{name} accuracy {100 * (predicted == labels[chosen]).mean():.2f} % of {len(chosen)}")
    onnx.save(to_onnx(model), folder / "digits.onnx")
    np.savez_compressed(folder / "digits_test.npz", image=images[held_out], label=labels[held_out])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
