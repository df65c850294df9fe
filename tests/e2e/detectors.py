"""Detectors as torch.onnx.export writes torchvision's, in small: one stage over all places, and two stages.

Boxes are found, filtered by score and by size, and chosen by NMS; an If gives none where there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

SIZE, STRIDE = 32, 4  # of the image, and of a place in the features
PLACES = (SIZE // STRIDE) ** 2
END = 2**63 - 1
Array = np.ndarray[Any, Any]


class Graph:
    """Collects nodes; tensors are called by their names."""

    def __init__(self, seed: int, prefix: str = "") -> None:
        self.nodes: list[NodeProto] = []
        self.prefix = prefix
        self.random = np.random.default_rng(seed)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.ops(1, kind, *inputs, **attributes)[0]

    def ops(self, count: int, kind: str, *inputs: str, **attributes: Any) -> list[str]:
        outputs = [f"{self.prefix}{kind}{len(self.nodes)}_{place}" for place in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs

    def ints(self, *values: int) -> str:
        return self.given(np.array(values, np.int64))

    def given(self, array: Any) -> str:
        """A constant; floats are f32."""
        found = np.asarray(array)
        kept = found if found.dtype == np.int64 else found.astype(np.float32)
        return self.op("Constant", value=numpy_helper.from_array(np.array(kept)))

    def weights(self, *shape: int, scale: float = 1.0) -> str:
        spread = scale / np.sqrt(np.prod(shape[1:]))
        return self.given(self.random.normal(0, spread, shape))

    def conv(self, x: str, inputs: int, outputs: int, size: int, stride: int = 1, scale: float = 2.0) -> str:
        pads = [size // 2 if stride == 1 else 0] * 4
        weights = self.weights(outputs, inputs, size, size, scale=scale)
        return self.op("Conv", x, weights, strides=[stride] * 2, pads=pads)

    def column(self, x: str, place: int) -> str:
        return self.op("Gather", x, self.given(np.int64(place)), axis=1)

    def size(self, x: str, axis: int) -> str:
        """A size of X as a tensor of one number."""
        return self.op("Gather", self.op("Shape", x), self.ints(axis), axis=0)

    def where(self, flags: str) -> str:
        """The places where FLAGS are true."""
        rows = self.op("Transpose", self.op("NonZero", flags), perm=[1, 0])
        return self.op("Squeeze", rows, self.ints(1))

    def rows(self, places: str, *columns: str) -> list[str]:
        return [self.op("Gather", column, places, axis=0) for column in columns]

    def largest(self, scores: str, most: int) -> tuple[str, str]:
        """The MOST largest of SCORES, or all if there are fewer, and their places."""
        count = self.op("Concat", self.ints(most), self.size(scores, 0), axis=0)
        least = self.op("Reshape", self.op("ReduceMin", count, keepdims=0), self.ints(1))
        scores, places = self.ops(2, "TopK", scores, least, axis=0)
        return scores, places

    def model(self, outputs: Sequence[str]) -> ModelProto:
        kinds = (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64)
        shapes: tuple[list[str | int], ...] = (["n", 4], ["n"], ["n"])
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIZE, SIZE])
        infos = [
            helper.make_tensor_value_info(name, kind, shape)
            for name, kind, shape in zip(outputs, kinds, shapes, strict=True)
        ]
        graph = helper.make_graph(self.nodes, "detector", [image], infos)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def decoded(g: Graph, deltas: str, boxes: str) -> str:
    """BOXES [n, 4] moved and scaled by DELTAS [n, 4], and cut at the borders of the image."""
    low, high = (g.op("Slice", boxes, g.ints(at), g.ints(at + 2), g.ints(1)) for at in (0, 2))
    size = g.op("Sub", high, low)
    move, grow = (g.op("Slice", deltas, g.ints(at), g.ints(at + 2), g.ints(1)) for at in (0, 2))
    centre = g.op("Add", g.op("Add", low, g.op("Mul", size, g.given(0.5))), g.op("Mul", move, size))
    half = g.op("Mul", g.op("Mul", g.op("Exp", g.op("Clip", grow, "", g.given(1.0))), size), g.given(0.5))
    found = g.op("Concat", g.op("Sub", centre, half), g.op("Add", centre, half), axis=1)
    return g.op("Min", g.op("Max", found, g.given(0.0)), g.given(float(SIZE)))


def anchors(size: float) -> Array:
    """A box of SIZE around each place of the features."""
    row, column = np.divmod(np.arange(PLACES), SIZE // STRIDE)
    centre = np.stack([column, row], 1) * STRIDE + STRIDE / 2
    return np.concatenate([centre - size / 2, centre + size / 2], 1)


def large(g: Graph, *columns: str) -> list[str]:
    """The rows of COLUMNS whose boxes, in the first one, are larger than a pixel along both axes."""
    sides = [g.op("Sub", g.column(columns[0], at + 2), g.column(columns[0], at)) for at in (0, 1)]
    wide, high = (g.op("GreaterOrEqual", side, g.given(1.0)) for side in sides)
    return g.rows(g.where(g.op("And", wide, high)), *columns)


def suppressed(g: Graph, boxes: str, scores: str, labels: str, overlap: float, most: int) -> list[str]:
    """MOST of the boxes, with their scores and labels, that `torchvision.ops.batched_nms` keeps."""
    none, some = Graph(0, f"a{len(g.nodes)}"), Graph(0, f"b{len(g.nodes)}")
    empty = none.given(np.zeros(0, np.int64))
    end = some.op("Add", some.op("ReduceMax", boxes, keepdims=0), some.given(1.0))
    offset = some.op("Mul", some.op("Cast", labels, to=TensorProto.FLOAT), end)
    apart = some.op("Add", boxes, some.op("Unsqueeze", offset, some.ints(1)))
    one, of_class = some.op("Unsqueeze", apart, some.ints(0)), some.op("Unsqueeze", scores, some.ints(0, 1))
    limits = some.ints(END), some.given(np.array([overlap]))
    rows = some.op("NonMaxSuppression", one, of_class, *limits)
    kept = some.op("Squeeze", some.op("Gather", rows, some.ints(2), axis=1), some.ints(1))
    branches = [
        helper.make_graph(
            each.nodes, each.prefix, [], [helper.make_tensor_value_info(name, TensorProto.INT64, None)]
        )
        for each, name in ((none, empty), (some, kept))
    ]
    count = g.op("ReduceProd", g.op("Shape", boxes), keepdims=0)
    nothing = g.op("Equal", count, g.given(np.int64(0)))
    chosen = g.op("If", nothing, then_branch=branches[0], else_branch=branches[1])
    return g.rows(g.op("Slice", chosen, g.ints(0), g.ints(most), g.ints(0)), boxes, scores, labels)


def flattened(g: Graph, x: str, width: int) -> str:
    """X [1, width, h, w] as rows of the places: [h * w, width]."""
    return g.op("Reshape", g.op("Transpose", x, perm=[0, 2, 3, 1]), g.ints(-1, width))


def of_classes(g: Graph, boxes: str, scores: str, classes: int, least: float, most: int) -> list[str]:
    """Boxes, scores and labels: of each class but the first MOST rows whose scores are beyond LEAST."""
    parts: list[tuple[str, ...]] = []
    for label in range(1, classes):
        column = g.column(scores, label)
        rows = g.op("NonZero", g.op("Greater", column, g.given(least)))
        places = g.op("Transpose", rows, perm=[1, 0])
        found, order = g.largest(g.op("GatherND", column, places), most)
        chosen = g.op("Gather", g.op("GatherND", boxes, places), order, axis=0)
        same = numpy_helper.from_array(np.array([label], np.int64))
        parts.append((chosen, found, g.op("ConstantOfShape", g.op("Shape", found), value=same)))
    return [g.op("Concat", *column, axis=0) for column in zip(*parts, strict=True)]


def one_stage(seed: int = 0, classes: int = 12, least: float = 0.1) -> ModelProto:
    """As SSD: scores of all classes and a box at each place, chosen by class, then by NMS."""
    g = Graph(seed)
    features = g.op("Relu", g.conv("image", 3, 24, STRIDE, STRIDE))
    scores = g.op("Softmax", flattened(g, g.conv(features, 24, classes, 3), classes), axis=-1)
    boxes = decoded(g, flattened(g, g.conv(features, 24, 4, 3, scale=0.5), 4), g.given(anchors(10)))
    found = of_classes(g, boxes, scores, classes, least, 9)
    return g.model(suppressed(g, found[0], found[1], found[2], 0.4, 20))


def two_stages(seed: int = 0, classes: int = 5, least: float = 0.1) -> ModelProto:
    """As Faster R-CNN: proposals of any class, features of each from one of two levels, a class for each."""
    g = Graph(seed)
    features = g.op("Relu", g.conv("image", 3, 24, STRIDE, STRIDE))
    levels = [
        (features, 1 / STRIDE),
        (g.op("MaxPool", features, kernel_shape=[2, 2], strides=[2, 2]), 0.5 / STRIDE),
    ]
    logits = g.op("Reshape", g.conv(features, 24, 1, 3), g.ints(-1))
    deltas = flattened(g, g.conv(features, 24, 4, 3, scale=0.5), 4)
    top, places = g.largest(logits, 40)
    boxes = decoded(g, *g.rows(places, deltas, g.given(anchors(8))))
    labels = g.op("Cast", g.op("Mod", places, g.ints(2)), to=TensorProto.INT64)
    found = large(g, boxes, g.op("Sigmoid", top), labels)
    found = g.rows(g.where(g.op("GreaterOrEqual", found[1], g.given(0.3))), *found)
    rois = suppressed(g, found[0], found[1], found[2], 0.6, 16)[0]
    rows = g.op("Flatten", aligned(g, rois, levels), axis=1)
    hidden = g.op("Relu", g.op("MatMul", rows, g.weights(24 * 9, 32, scale=0.4)))
    scores = g.op("Softmax", g.op("MatMul", hidden, g.weights(32, classes, scale=1.0)), axis=-1)
    moved = decoded(g, g.op("MatMul", hidden, g.weights(32, 4, scale=0.1)), rois)
    found = of_classes(g, moved, scores, classes, least, 12)
    found = large(g, *found)
    return g.model(suppressed(g, found[0], found[1], found[2], 0.5, 10))


def aligned(g: Graph, rois: str, levels: Sequence[tuple[str, float]]) -> str:
    """The features [n, 24, 3, 3] of ROIS, the larger ones from the later of LEVELS."""
    sides = [g.op("Sub", g.column(rois, at + 2), g.column(rois, at)) for at in (0, 1)]
    level = g.op("Log", g.op("Div", g.op("Sqrt", g.op("Mul", *sides)), g.given(8.0)))
    level = g.op("Clip", g.op("Floor", level), g.given(0.0), g.given(1.0))
    level = g.op("Cast", level, to=TensorProto.INT64)
    sizes = g.op("Concat", g.size(rois, 0), g.ints(24, 3, 3), axis=0)
    result = g.op("ConstantOfShape", sizes)
    for number, (features, scale) in enumerate(levels):
        places = g.where(g.op("Equal", level, g.given(np.int64(number))))
        (mine,) = g.rows(places, rois)
        image = g.op("ConstantOfShape", g.size(mine, 0), value=numpy_helper.from_array(np.zeros(1, np.int64)))
        found = g.op(
            "RoiAlign", features, mine, image, spatial_scale=scale, output_height=3, output_width=3,
            sampling_ratio=2, coordinate_transformation_mode="output_half_pixel",
        )  # fmt: skip
        index = g.op("Expand", g.op("Reshape", places, g.ints(-1, 1, 1, 1)), g.op("Shape", found))
        result = g.op("ScatterElements", result, index, found, axis=0)
    return result
