"""Whole models whose sizes are free, as exporters write them: small channels, many symbols."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


@dataclass
class Graph:
    """A model in the making; every method gives the name of its result."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    inputs: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(0)

    def input(self, name: str, *shape: int | str, type: int = FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, type, shape))
        return name

    def const(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def ints(self, *values: int) -> str:
        return self.const(np.array(values, np.int64))

    def weight(self, *shape: int) -> str:
        scale = max(1, int(np.prod(shape[1:]))) ** -0.5
        return self.const((self.random.standard_normal(shape) * scale).astype(np.float32))

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def size(self, x: str, axis: int) -> str:
        return self.add("Gather", self.add("Shape", x), self.ints(axis), axis=0)

    def reshape(self, x: str, *sizes: int | str) -> str:
        """X under a shape of numbers and of sizes computed in the model."""
        parts = [self.ints(size) if isinstance(size, int) else size for size in sizes]
        return self.add("Reshape", x, self.add("Concat", *parts, axis=0))

    def conv(self, x: str, inner: int, outer: int, size: int = 3, stride: int = 1) -> str:
        pads = [size // 2] * 4
        y = self.add("Conv", x, self.weight(outer, inner, size, size), pads=pads, strides=[stride] * 2)
        return self.add("Relu", self.add("Add", y, self.weight(1, outer, 1, 1)))

    def linear(self, x: str, inner: int, outer: int) -> str:
        return self.add("Add", self.add("MatMul", x, self.weight(inner, outer)), self.weight(outer))

    def norm(self, x: str, width: int) -> str:
        return self.add("LayerNormalization", x, self.weight(width), self.weight(width))

    def done(self, *outputs: str) -> ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "free_sizes",
            self.inputs,
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def unet(levels: int, up: str = "resize") -> ModelProto:
    """A UNet with LEVELS steps down; up again by Resize or ConvTranspose. H and W are free."""
    g = Graph()
    x = g.conv(g.input("x", "N", 3, "H", "W"), 3, 4)
    skips: list[str] = []
    for _ in range(levels):
        skips.append(x)
        x = g.conv(g.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), 4, 4)
    for skip in reversed(skips):
        if up == "resize":
            x = g.add("Resize", x, "", g.const(np.array([1, 1, 2, 2], np.float32)), **NEAREST)
        else:
            x = g.add("ConvTranspose", x, g.weight(4, 4, 2, 2), strides=[2, 2])
        x = g.conv(g.add("Concat", x, skip, axis=1), 8, 4)
    return g.done(g.add("Conv", x, g.weight(2, 4, 1, 1)))


def fitted_unet(levels: int) -> ModelProto:
    """A UNet whose steps up resize to the sizes of what they are joined with: it takes any H and W."""
    g = Graph()
    x = g.conv(g.input("x", "N", 3, "H", "W"), 3, 4)
    skips: list[str] = []
    for _ in range(levels):
        skips.append(x)
        x = g.conv(g.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), 4, 4)
    for skip in reversed(skips):
        sizes = [g.size(x, 0), g.size(x, 1), g.size(skip, 2), g.size(skip, 3)]
        x = g.add("Resize", x, "", "", g.add("Concat", *sizes, axis=0), **NEAREST)
        x = g.conv(g.add("Concat", x, skip, axis=1), 8, 4)
    return g.done(g.add("Conv", x, g.weight(2, 4, 1, 1)))


def swin(side: int = 4, width: int = 8) -> ModelProto:
    """One block of a Swin transformer, windows and a shift, and the merging of patches behind it."""
    g = Graph()
    image = g.conv(g.input("x", "N", 3, "H", "W"), 3, width)
    x = g.add("Transpose", image, perm=[0, 2, 3, 1])
    n, h, w = (g.size(x, axis) for axis in range(3))
    rolled = _rolled(g, _rolled(g, x, 1, side // 2), 2, side // 2)
    rows, columns = (g.add("Div", size, g.ints(side)) for size in (h, w))
    cut = g.reshape(g.norm(rolled, width), n, rows, side, columns, side, width)
    windows = g.reshape(g.add("Transpose", cut, perm=[0, 1, 3, 2, 4, 5]), -1, side * side, width)
    mixed = _attention(g, windows, width)
    back = g.reshape(mixed, n, rows, columns, side, side, width)
    whole = g.reshape(g.add("Transpose", back, perm=[0, 1, 3, 2, 4, 5]), n, h, w, width)
    x = g.add("Add", x, _rolled(g, _rolled(g, whole, 1, -(side // 2)), 2, -(side // 2)))
    return g.done(_merged(g, x, width))


def _rolled(g: Graph, x: str, axis: int, by: int) -> str:
    """X moved along AXIS, as torch.roll is exported."""
    first = g.add("Slice", x, g.ints(by), g.ints(2**62), g.ints(axis))
    return g.add("Concat", first, g.add("Slice", x, g.ints(0), g.ints(by), g.ints(axis)), axis=axis)


def _attention(g: Graph, x: str, width: int, heads: int = 2) -> str:
    """Self-attention over [windows, tokens, width]."""
    b, t = g.size(x, 0), g.size(x, 1)
    qkv = g.reshape(g.linear(x, width, 3 * width), b, t, 3, heads, width // heads)
    moved = g.add("Transpose", qkv, perm=[2, 0, 3, 1, 4])
    q, k, v = (g.add("Gather", moved, g.const(np.int64(place)), axis=0) for place in range(3))
    scores = g.add("MatMul", q, g.add("Transpose", k, perm=[0, 1, 3, 2]))
    mixed = g.add("MatMul", g.add("Softmax", scores, axis=-1), v)
    return g.linear(g.reshape(g.add("Transpose", mixed, perm=[0, 2, 1, 3]), b, t, width), width, width)


def _merged(g: Graph, x: str, width: int) -> str:
    """Every 2x2 patches as one token of twice the width."""
    parts = []
    for row in (0, 1):
        for column in (0, 1):
            part = g.add("Slice", x, g.ints(row), g.ints(2**62), g.ints(1), g.ints(2))
            parts.append(g.add("Slice", part, g.ints(column), g.ints(2**62), g.ints(2), g.ints(2)))
    joined = g.add("Concat", *parts, axis=-1)
    tokens = g.reshape(joined, g.size(joined, 0), -1, 4 * width)
    return g.add("MatMul", g.norm(tokens, 4 * width), g.weight(4 * width, 2 * width))


def detector() -> ModelProto:
    """Strides to 32, a pyramid that is added and joined on the way up, and boxes of all cells in one list."""
    g = Graph()
    x = g.input("x", "N", 3, "H", "W")
    stages: list[str] = []
    inner = 3
    for _ in range(5):
        x, inner = g.conv(x, inner, 4, stride=2), 4
        stages.append(x)
    top = g.conv(stages[4], 4, 4, 1)
    boxes = [_boxes(g, top)]
    for stage in (stages[3], stages[2]):
        up = g.add("Resize", top, "", g.const(np.array([1, 1, 2, 2], np.float32)), **NEAREST)
        top = g.conv(g.add("Concat", up, stage, axis=1), 8, 4)
        boxes.append(_boxes(g, top))
    added = g.add("Resize", _lateral(g, top), "", g.const(np.array([1, 1, 2, 2], np.float32)), **NEAREST)
    return g.done(g.add("Concat", *boxes, axis=1), g.add("Add", added, stages[1]))


def _lateral(g: Graph, x: str) -> str:
    """A lateral connection of a feature pyramid."""
    return g.add("Conv", x, g.weight(4, 4, 1, 1))


def _boxes(g: Graph, x: str) -> str:
    """[N, cells, 6] of a head with one anchor."""
    head = g.add("Conv", x, g.weight(6, 4, 1, 1))
    moved = g.add("Transpose", head, perm=[0, 2, 3, 1])
    return g.add("Sigmoid", g.reshape(moved, g.size(head, 0), -1, 6))


def decoder(layers: int = 2, width: int = 8, heads: int = 2, words: int = 11, most: int = 32) -> ModelProto:
    """A GPT with keys and values of steps before, positions computed from sizes, and a mask over all."""
    g = Graph()
    tokens = g.input("ids", "batch", "seq", type=INT)
    mask = g.input("mask", "batch", "total", type=INT)
    kept = [
        [g.input(f"past_{which}{layer}", "batch", heads, "past", width // heads) for which in "kv"]
        for layer in range(layers)
    ]
    past, seq = g.size(kept[0][0], 2), g.size(tokens, 1)
    total = g.add("Add", past, seq)
    scalars = (g.add("Squeeze", size, g.ints(0)) for size in (past, total))
    positions = g.add("Range", *scalars, g.const(np.int64(1)))
    x = g.add("Gather", g.weight(words, width), tokens)
    x = g.add("Add", x, g.add("Gather", g.weight(most, width), g.add("Unsqueeze", positions, g.ints(0))))
    seen = _mask(g, mask, positions, total)
    outputs = []
    for key, value in kept:
        x, present = _layer(g, x, (key, value), seen, width, heads)
        outputs += present
    return g.done(g.add("MatMul", g.norm(x, width), g.weight(width, words)), *outputs)


def _mask(g: Graph, mask: str, positions: str, total: str) -> str:
    """The additive mask [batch, 1, seq, total]: what is padding or lies ahead is out."""
    columns = g.add(
        "Range",
        g.const(np.int64(0)),
        g.add("Squeeze", total, g.ints(0)),
        g.const(np.int64(1)),
    )
    ahead = g.add("Greater", columns, g.add("Unsqueeze", positions, g.ints(1)))
    padding = g.add("Equal", g.add("Unsqueeze", mask, g.ints(1, 2)), g.const(np.int64(0)))
    out = g.add("Or", ahead, padding)
    return g.add("Where", out, g.const(np.float32(-1e9)), g.const(np.float32(0)))


def _layer(
    g: Graph, x: str, past: tuple[str, str], mask: str, width: int, heads: int
) -> tuple[str, list[str]]:
    b, t = g.size(x, 0), g.size(x, 1)
    normal = g.norm(x, width)
    q, k, v = (
        g.add("Transpose", g.reshape(g.linear(normal, width, width), b, t, heads, -1), perm=[0, 2, 1, 3])
        for _ in range(3)
    )
    present = [g.add("Concat", old, new, axis=2) for old, new in zip(past, (k, v), strict=True)]
    scores = g.add("MatMul", q, g.add("Transpose", present[0], perm=[0, 1, 3, 2]))
    scaled = g.add("Add", g.add("Mul", scores, g.const(np.float32((width // heads) ** -0.5))), mask)
    mixed = g.add("MatMul", g.add("Softmax", scaled, axis=-1), present[1])
    joined = g.reshape(g.add("Transpose", mixed, perm=[0, 2, 1, 3]), b, t, width)
    x = g.add("Add", x, g.linear(joined, width, width))
    return g.add("Add", x, g.linear(g.add("Tanh", g.linear(x, width, 16)), 16, width)), present
