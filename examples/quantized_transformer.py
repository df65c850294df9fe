"""Train a small transformer on digits, with numpy alone, and compare it in fp32, int8 and fp8.

    python -m examples.quantized_transformer [--device host]

The data are scikit-learn's 1,797 handwritten digits of 8x8 pixels, in 16 patches. Two layers of
self-attention and GELU stand behind norms, as in ViT. The images held out from training tell the accuracy; a
few of the others calibrate, with and without smoothing (docs/calibration.md), which changes nothing here: so
small a network has no channels with outliers.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import glassrt
import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.datasets import load_digits

from .train_digits import HELD_OUT, SEED, Array, Chain, Dense, Layer, OnnxWriter, Residual, train

PATCH, TOKENS, WIDTH, HEADS, HIDDEN, LAYERS = 2, 16, 32, 2, 64, 2
EPOCHS = 30
EPSILON = 1e-5
CALIBRATION = 256
SMOOTH = 0.5


class Patches(Layer):
    """Images [N, 1, 8, 8] to patches [N, 16, 4]."""

    def forward(self, x: Array, training: bool) -> Array:
        side = 8 // PATCH
        split = x.reshape(len(x), side, PATCH, side, PATCH).transpose(0, 1, 3, 2, 4)
        return np.ascontiguousarray(split.reshape(len(x), TOKENS, PATCH * PATCH))

    def backward(self, grad: Array) -> Array:
        return grad  # nothing is trained before it

    def export(self, graph: OnnxWriter, x: str) -> str:
        side = 8 // PATCH
        split = graph.node("Reshape", [x, graph.shape(-1, side, PATCH, side, PATCH)])
        moved = graph.node("Transpose", [split], perm=[0, 1, 3, 2, 4])
        return graph.node("Reshape", [moved, graph.shape(-1, TOKENS, PATCH * PATCH)])


class Linear(Dense):
    """The same for every token: [N, tokens, inputs] to [N, tokens, outputs]."""

    def forward(self, x: Array, training: bool) -> Array:
        self.shape = x.shape
        return super().forward(x.reshape(-1, x.shape[-1]), training).reshape(*x.shape[:-1], -1)

    def backward(self, grad: Array) -> Array:
        return super().backward(grad.reshape(-1, grad.shape[-1])).reshape(self.shape)

    def export(self, graph: OnnxWriter, x: str) -> str:
        weight = np.ascontiguousarray(self.parameters["weight"].T)
        product = graph.node("MatMul", [x, graph.constant(weight)])
        return graph.node("Add", [product, graph.constant(self.parameters["bias"])])


class Positions(Layer):
    """Adds a vector to each token."""

    def __init__(self, rng: np.random.Generator):
        super().__init__()
        self.parameters["places"] = (0.1 * rng.standard_normal((TOKENS, WIDTH))).astype(np.float32)

    def forward(self, x: Array, training: bool) -> Array:
        return x + self.parameters["places"]

    def backward(self, grad: Array) -> Array:
        self.gradients["places"] = grad.sum(axis=0)
        return grad

    def export(self, graph: OnnxWriter, x: str) -> str:
        return graph.node("Add", [x, graph.constant(self.parameters["places"])])


class Norm(Layer):
    """Layer normalisation over the features of a token."""

    def __init__(self) -> None:
        super().__init__()
        self.parameters["scale"] = np.ones(WIDTH, np.float32)
        self.parameters["bias"] = np.zeros(WIDTH, np.float32)

    def forward(self, x: Array, training: bool) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        self.deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + EPSILON)
        self.normal = centred / self.deviation
        return self.normal * self.parameters["scale"] + self.parameters["bias"]

    def backward(self, grad: Array) -> Array:
        self.gradients["bias"] = grad.sum(axis=(0, 1))
        self.gradients["scale"] = (grad * self.normal).sum(axis=(0, 1))
        inner = grad * self.parameters["scale"]
        along = (inner * self.normal).mean(axis=-1, keepdims=True) * self.normal
        return (inner - inner.mean(axis=-1, keepdims=True) - along) / self.deviation

    def export(self, graph: OnnxWriter, x: str) -> str:
        constants = [graph.constant(self.parameters[key]) for key in ("scale", "bias")]
        return graph.node("LayerNormalization", [x, *constants], axis=-1, epsilon=EPSILON)


class SelfAttention(Layer):
    """Self-attention of tokens [N, 16, 3 * 32], which have queries, keys and values side by side."""

    def forward(self, x: Array, training: bool) -> Array:
        parts = x.reshape(len(x), TOKENS, 3, HEADS, WIDTH // HEADS).transpose(2, 0, 3, 1, 4)
        self.q, self.k, self.v = parts
        scores = self.q @ self.k.swapaxes(-1, -2) * (WIDTH // HEADS) ** -0.5
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        self.weights = powers / powers.sum(axis=-1, keepdims=True)
        return (self.weights @ self.v).transpose(0, 2, 1, 3).reshape(len(x), TOKENS, WIDTH)

    def backward(self, grad: Array) -> Array:
        own = grad.reshape(len(grad), TOKENS, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)
        by_weight = own @ self.v.swapaxes(-1, -2)
        scores = self.weights * (by_weight - (by_weight * self.weights).sum(axis=-1, keepdims=True))
        scores = scores * (WIDTH // HEADS) ** -0.5
        parts = scores @ self.k, scores.swapaxes(-1, -2) @ self.q, self.weights.swapaxes(-1, -2) @ own
        return np.stack(parts).transpose(1, 3, 0, 2, 4).reshape(len(grad), TOKENS, 3 * WIDTH)

    def export(self, graph: OnnxWriter, x: str) -> str:
        heads = []
        for part in range(3):
            ends = [graph.shape(part * WIDTH), graph.shape((part + 1) * WIDTH), graph.shape(2)]
            own = graph.node("Slice", [x, *ends])
            split = graph.node("Reshape", [own, graph.shape(-1, TOKENS, HEADS, WIDTH // HEADS)])
            heads.append(graph.node("Transpose", [split], perm=[0, 2, 3, 1] if part == 1 else [0, 2, 1, 3]))
        factor = graph.constant(np.array((WIDTH // HEADS) ** -0.5))
        scores = graph.node("Mul", [graph.node("MatMul", heads[:2]), factor])
        mixed = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), heads[2]])
        joined = graph.node("Transpose", [mixed], perm=[0, 2, 1, 3])
        return graph.node("Reshape", [joined, graph.shape(-1, TOKENS, WIDTH)])


class GeluLayer(Layer):
    """x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""

    def forward(self, x: Array, training: bool) -> Array:
        self.x, self.bent = x, np.tanh(0.7978845608 * (x + 0.044715 * (x * x * x)))
        return 0.5 * x * (1 + self.bent)

    def backward(self, grad: Array) -> Array:
        slope = 0.7978845608 * (1 + 3 * 0.044715 * (self.x * self.x)) * (1 - self.bent**2)
        return grad * 0.5 * (1 + self.bent + self.x * slope)

    def export(self, graph: OnnxWriter, x: str) -> str:
        def by(value: str, number: float) -> str:
            return graph.node("Mul", [value, graph.constant(np.array(number))])

        cube = by(graph.node("Mul", [graph.node("Mul", [x, x]), x]), 0.044715)
        bent = graph.node("Tanh", [by(graph.node("Add", [x, cube]), 0.7978845608)])
        more = graph.node("Add", [bent, graph.constant(np.array(1.0))])
        return graph.node("Mul", [by(x, 0.5), more])


class MeanToken(Layer):
    """The mean over tokens, [N, 32]."""

    def forward(self, x: Array, training: bool) -> Array:
        return x.mean(axis=1)

    def backward(self, grad: Array) -> Array:
        return np.repeat(grad[:, None] / TOKENS, TOKENS, axis=1)

    def export(self, graph: OnnxWriter, x: str) -> str:
        return graph.node("ReduceMean", [x], axes=[1], keepdims=0)


def network(rng: np.random.Generator) -> Chain:
    """Image [N, 1, 8, 8] in 0..1 to logits [N, 10]."""
    layers = []
    for _ in range(LAYERS):
        mixing = Norm(), Linear(rng, WIDTH, 3 * WIDTH), SelfAttention(), Linear(rng, WIDTH, WIDTH)
        bending = Norm(), Linear(rng, WIDTH, HIDDEN), GeluLayer(), Linear(rng, HIDDEN, WIDTH)
        layers += [Residual(*mixing), Residual(*bending)]
    embedding = Patches(), Linear(rng, PATCH * PATCH, WIDTH), Positions(rng)
    return Chain(*embedding, *layers, Norm(), MeanToken(), Dense(rng, WIDTH, 10))


def trained(epochs: int = EPOCHS) -> tuple[onnx.ModelProto, Array, Array, Array]:
    """The trained model for inference, images to calibrate with, and images held out with their labels."""
    rng = np.random.default_rng(SEED)
    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    order = rng.permutation(len(images))
    held_out, kept = order[:HELD_OUT], order[HELD_OUT:]
    model = network(rng)
    train(model, images[kept], digits.target[kept], rng, epochs)
    return to_onnx(model), images[kept[:CALIBRATION]], images[held_out], digits.target[held_out]


def to_onnx(model: Chain) -> onnx.ModelProto:
    """MODEL for inference: input "image" [N, 1, 8, 8], output "logits" [N, 10]."""
    writer = OnnxWriter()
    model.export(writer, "image")
    writer.nodes[-1].output[0] = "logits"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])
    graph = helper.make_graph(writer.nodes, "digits_transformer", [image], [logits], writer.constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def compared(epochs: int, device: str | None) -> Iterator[tuple[str, float, float]]:
    """For each precision its name, the percentage of digits held out that it knows, and its SQNR in dB."""
    model, images, tests, labels = trained(epochs)
    sizes = {"N": (1, len(tests), len(tests))}
    batches = [{"image": part} for part in np.split(images, 4)]
    exact = None
    for name, smooth in (
        ("fp32", None),
        ("fp16", None),
        ("int8", None),
        ("int8, smooth", SMOOTH),
        ("fp8", None),
    ):
        options = {}
        if not name.startswith("fp") or name == "fp8":
            options["calibration"] = glassrt.calibrate(
                model, batches, smooth=smooth, shapes=sizes, device=device
            )
        plan = glassrt.compile(
            model,
            precision=name.partition(",")[0],
            shapes=sizes,
            target="host" if device == "host" else None,
            **options,
        )
        with glassrt.load(plan, device) as engine:
            logits = np.asarray(engine.run({"image": tests})["logits"]).astype(np.float64)
        exact = logits if exact is None else exact
        noise = float(((logits - exact) ** 2).sum())
        ratio = 10 * np.log10(float((exact**2).sum()) / noise) if noise else np.inf
        yield name, 100 * float((logits.argmax(axis=1) == labels).mean()), float(ratio)


def main() -> None:
    command = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("--epochs", type=int, default=EPOCHS)
    command.add_argument(
        "--device", help="as for glassrt.load; default: a GPU if there is one, else the host"
    )
    options = command.parse_args()
    print("precision     top-1, %  SQNR, dB")
    for name, share, ratio in compared(options.epochs, options.device):
        print(f"{name:12}  {share:8.2f}  {ratio:8.1f}", flush=True)


if __name__ == "__main__":
    main()
