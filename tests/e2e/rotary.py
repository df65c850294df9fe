"""A decoder with rotary position embedding (Su et al., "RoFormer"), as ONNX and in numpy.

In numpy it runs in f64, or as PyTorch's autocast runs it in half precision (`torch.amp`, the lists of
"CUDA Ops that can autocast to float16"): products take their operands and give their results in f16 and
add up in f32; softmax, powers and sums are f32; what an op reads in different types is promoted; angles,
sines and cosines are f32, since rotary layers switch autocast off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from .networks import Net

Array = np.ndarray[Any, Any]
WIDTH, HEADS, HIDDEN, TOKENS = 64, 4, 128, 50
DEPTH = WIDTH // HEADS
EPSILON = 1e-5
MASKED = float(np.finfo(np.float32).min)


@dataclass
class Decoder:
    """LAYERS of attention and gated units, with random weights."""

    layers: int = 4
    weights: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(8)

        def normal(*shape: int, scale: float = 1.0) -> Array:
            return (random.standard_normal(shape) * scale).astype(np.float32)

        self.weights["embedding"] = normal(TOKENS, WIDTH)
        self.weights["frequencies"] = (10000.0 ** (-np.arange(0, DEPTH, 2) / DEPTH)).astype(np.float32)
        for layer in range(self.layers):
            for name in ("q", "k", "v", "o", "gate", "up", "down"):
                rows = HIDDEN if name == "down" else WIDTH
                columns = HIDDEN if name in ("gate", "up") else WIDTH
                self.weights[f"{name}{layer}"] = normal(rows, columns, scale=rows**-0.5)
            for name in ("attention", "unit"):
                self.weights[f"{name}{layer}"] = 1 + normal(WIDTH, scale=0.1)

    # ------------------------------------------------------------ ONNX

    def model(self) -> ModelProto:
        """Token and position ids [N, S] to hidden states [N, S, WIDTH]."""
        net = Net(0)
        x = net.op(
            "Gather",
            net.const(self.weights["embedding"]),
            net.input("ids", "N", "S", dtype=TensorProto.INT64),
        )
        positions = net.input("position_ids", "N", "S", dtype=TensorProto.INT64)
        cos, sin = self._angles(net, positions)
        mask = self._causal(net, positions)
        for layer in range(self.layers):
            x = self._layer(net, layer, x, (cos, sin), mask)
        return net.done(x)

    def _angles(self, net: Net, positions: str) -> tuple[str, str]:
        float_positions = net.op("Cast", net.op("Unsqueeze", positions, net.ints(1)), to=TensorProto.FLOAT)
        frequencies = net.const(self.weights["frequencies"].reshape(1, -1, 1))
        angles = net.op("Transpose", net.op("MatMul", frequencies, float_positions), perm=[0, 2, 1])
        both = net.op("Unsqueeze", net.op("Concat", angles, angles, axis=-1), net.ints(1))
        return net.op("Cos", both), net.op("Sin", both)

    def _causal(self, net: Net, positions: str) -> str:
        """0 where a key stands no later than the query, else the lowest float."""
        later = net.op(
            "Less", net.op("Unsqueeze", positions, net.ints(2)), net.op("Unsqueeze", positions, net.ints(1))
        )
        hidden = net.op("Mul", net.op("Cast", later, to=TensorProto.FLOAT), net.const(np.float32(MASKED)))
        return str(net.op("Unsqueeze", hidden, net.ints(1)))

    def _layer(self, net: Net, layer: int, x: str, rotation: tuple[str, str], mask: str) -> str:
        def linear(value: str, name: str) -> str:
            return str(net.op("MatMul", value, net.const(self.weights[f"{name}{layer}"])))

        h = self._norm(net, x, f"attention{layer}")
        q, k, v = (self._heads(net, linear(h, name)) for name in "qkv")
        q, k = (self._rotated(net, value, *rotation) for value in (q, k))
        scores = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = net.op("Add", net.op("Mul", scores, net.const(np.float32(DEPTH**-0.5))), mask)
        heads = net.op("MatMul", net.op("Softmax", scores, axis=-1), v)
        joined = net.op("Reshape", net.op("Transpose", heads, perm=[0, 2, 1, 3]), net.ints(0, 0, WIDTH))
        x = net.op("Add", x, linear(joined, "o"))
        h = self._norm(net, x, f"unit{layer}")
        gate = linear(h, "gate")
        gated = net.op("Mul", net.op("Mul", gate, net.op("Sigmoid", gate)), linear(h, "up"))
        return str(net.op("Add", x, linear(gated, "down")))

    def _norm(self, net: Net, x: str, name: str) -> str:
        squares = net.op("Pow", x, net.const(np.float32(2)))
        mean = net.op("ReduceMean", squares, net.ints(-1), keepdims=1)
        root = net.op("Sqrt", net.op("Add", mean, net.const(np.float32(EPSILON))))
        return str(net.op("Mul", net.op("Div", x, root), net.const(self.weights[name])))

    def _heads(self, net: Net, x: str) -> str:
        return str(net.op("Transpose", net.op("Reshape", x, net.ints(0, 0, HEADS, DEPTH)), perm=[0, 2, 1, 3]))

    def _rotated(self, net: Net, x: str, cos: str, sin: str) -> str:
        half, end, last = net.ints(DEPTH // 2), net.ints(DEPTH), net.ints(-1)
        low = net.op("Slice", x, net.ints(0), half, last)
        high = net.op("Neg", net.op("Slice", x, half, end, last))
        turned = net.op("Concat", high, low, axis=-1)
        return str(net.op("Add", net.op("Mul", x, cos), net.op("Mul", turned, sin)))

    # ------------------------------------------------------------ numpy

    def run(self, ids: Array, positions: Array, half: bool) -> Array:
        """Hidden states: in f64, or in HALF precision under autocast."""
        wide = np.float32 if half else np.float64
        w = {name: array.astype(wide) for name, array in self.weights.items()}

        def product(a: Array, b: Array) -> Array:
            """In half precision f16 times f16 in f32, rounded to f16."""
            if not half:
                return np.asarray(a @ b)
            short = np.matmul(a.astype(np.float16).astype(wide), b.astype(np.float16).astype(wide))
            return np.asarray(short.astype(np.float16))

        angles = positions[:, :, None].astype(wide) * w["frequencies"]
        angles = np.concatenate([angles, angles], -1)[:, None]
        cos, sin = np.cos(angles), np.sin(angles)
        mask = np.where(positions[:, None, :, None] < positions[:, None, None, :], MASKED, 0).astype(wide)
        x = w["embedding"][ids]
        for layer in range(self.layers):
            h = _normalised(x) * w[f"attention{layer}"]
            q, k, v = (_split(product(h, w[f"{name}{layer}"])) for name in "qkv")
            q, k = (_turned(value, cos, sin) for value in (q, k))
            scores = product(q, k.swapaxes(-1, -2)).astype(wide) * wide(DEPTH**-0.5) + mask
            heads = product(_softmax(scores), v).swapaxes(1, 2)
            x = x + product(heads.reshape(*x.shape), w[f"o{layer}"])
            h = _normalised(x) * w[f"unit{layer}"]
            gate, up = product(h, w[f"gate{layer}"]), product(h, w[f"up{layer}"])
            activated = gate.astype(wide) / (1 + np.exp(-gate.astype(wide)))
            x = x + product(activated.astype(gate.dtype) * up, w[f"down{layer}"])
        return np.asarray(x, np.float64)


def _normalised(x: Array) -> Array:
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(EPSILON)))


def _split(x: Array) -> Array:
    return x.reshape(*x.shape[:2], HEADS, DEPTH).swapaxes(1, 2)


def _turned(x: Array, cos: Array, sin: Array) -> Array:
    """X times COS and SIN, which are wider."""
    turned = np.concatenate([-x[..., DEPTH // 2 :], x[..., : DEPTH // 2]], -1)
    return np.asarray(x * cos + turned * sin)


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
