"""An encoder of text (Devlin et al., "BERT") as an ONNX model, spelled as torch.onnx exports it with its
mask of attention, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from .decoder_nodes import ModelNodes

Array = np.ndarray[Any, Any]
MaskSpelling = Literal["filled", "scaled", "boolean"]
EPSILON = 1e-12
DEVIATION = 0.02  # of embeddings
POOLED = "pooled"


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of an encoder; `places` is the most positions that it has embeddings for."""

    layers: int = 12
    width: int = 768
    heads: int = 12
    hidden: int = 3072
    vocabulary: int = 30522
    places: int = 512


BERT_BASE = EncoderShape()
SMALL = EncoderShape(2, 64, 4, 96, 80, 48)


def encoder_model(
    shape: EncoderShape, mask: MaskSpelling = "filled", pooling: Literal["none", "first", "mean"] = "none"
) -> ModelProto:
    """A model that takes ids, a mask (1 for tokens that are there) and types of tokens, each [N, S], to the
    last hidden states, and pooled ones: of the first token, or the mean over tokens that are there.

    mask: as `masked_fill` of 1 - mask, 1 - mask times the lowest number, or a condition between 0 and minus
    infinity with a guard against rows without keys, as scaled_dot_product_attention has it.
    """
    nodes = ModelNodes()
    hidden = _Encoder(nodes, shape, mask).hidden()
    outputs = [helper.make_tensor_value_info(hidden, TensorProto.FLOAT, ["N", "S", shape.width])]
    if pooling != "none":
        _pooled(nodes, hidden, pooling, shape.width)
        outputs.append(helper.make_tensor_value_info(POOLED, TensorProto.FLOAT, ["N", shape.width]))
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "S"]) for name in names]
    stored = [numpy_helper.from_array(array, name) for name, array in nodes.stored.items()]
    graph = helper.make_graph(nodes.made, "encoder", inputs, outputs, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _pooled(nodes: ModelNodes, hidden: str, pooling: str, width: int) -> None:
    op, ints = nodes.op, nodes.ints
    if pooling == "first":
        first = op("Gather", hidden, nodes.const("zero", np.int64(0)), axis=1)
        dense = op("Gemm", first, nodes.const("pooler", _random(width, width, width**-0.5)))
        op("Tanh", dense, results=(POOLED,))
        return
    kept = op("Cast", op("Unsqueeze", "attention_mask", ints(-1)), to=TensorProto.FLOAT)
    expanded = op("Expand", kept, op("Shape", hidden))
    sums = op("ReduceSum", op("Mul", hidden, expanded), ints(1), keepdims=0)
    counts = op(
        "Clip", op("ReduceSum", expanded, ints(1), keepdims=0), nodes.const("least", np.float32(1e-9))
    )
    op("Div", sums, counts, results=(POOLED,))


def _random(rows: int, columns: int, deviation: float) -> Array:
    numbers = np.random.default_rng(rows * 31 + columns).standard_normal((rows, columns), np.float32)
    return numbers * np.float32(deviation)


class _Encoder:
    """The nodes of the embeddings and of all layers."""

    def __init__(self, nodes: ModelNodes, shape: EncoderShape, mask: MaskSpelling) -> None:
        self._nodes, self._shape, self._spelling = nodes, shape, mask
        self._random = np.random.default_rng(7)

    def hidden(self) -> str:
        x = self._embedded()
        mask = self._mask()
        for layer in range(self._shape.layers):
            attended = self._linear(self._attention(x, mask, layer), f"{layer}.o", self._shape.width)
            x = self._norm(self._nodes.op("Add", attended, x), f"{layer}.attended")
            inner = self._gelu(self._linear(x, f"{layer}.up", self._shape.hidden))
            down = self._linear(inner, f"{layer}.down", self._shape.width, self._shape.hidden)
            x = self._norm(
                self._nodes.op("Add", down, x), f"{layer}.fed", last=layer + 1 == self._shape.layers
            )
        return x

    def _embedded(self) -> str:
        op, const, ints, shape = self._nodes.op, self._nodes.const, self._nodes.ints, self._shape
        words = op("Gather", const("words", _random(shape.vocabulary, shape.width, DEVIATION)), "input_ids")
        types = op("Gather", const("types", _random(2, shape.width, DEVIATION)), "token_type_ids")
        length = op("Gather", op("Shape", "input_ids"), ints(1), axis=0)
        every = const("position_ids", np.arange(shape.places, dtype=np.int64)[None])
        positions = op("Slice", every, ints(0), length, ints(1))
        places = op("Gather", const("places", _random(shape.places, shape.width, DEVIATION)), positions)
        return self._norm(op("Add", op("Add", words, types), places), "embedded")

    def _mask(self) -> str:
        op, const, ints = self._nodes.op, self._nodes.const, self._nodes.ints
        wide = op("Unsqueeze", op("Unsqueeze", "attention_mask", ints(1)), ints(2))
        lowest = const("lowest", np.finfo(np.float32).min)
        if self._spelling == "scaled":
            return op(
                "Mul", op("Sub", const("one", np.float32(1)), op("Cast", wide, to=TensorProto.FLOAT)), lowest
            )
        n, s = (op("Gather", op("Shape", "attention_mask"), ints(axis), axis=0) for axis in (0, 1))
        square = op("Concat", n, ints(1), s, s, axis=0)
        if self._spelling == "boolean":
            return op("Cast", op("Expand", wide, square), to=TensorProto.BOOL)
        left = op(
            "Sub", const("one", np.float32(1)), op("Cast", op("Expand", wide, square), to=TensorProto.FLOAT)
        )
        return op("Where", op("Cast", left, to=TensorProto.BOOL), lowest, left)

    def _attention(self, x: str, mask: str, layer: int) -> str:
        op, const, shape = self._nodes.op, self._nodes.const, self._shape
        depth = shape.width // shape.heads
        q, k, v = (self._heads(self._linear(x, f"{layer}.{name}", shape.width)) for name in "qkv")
        root = const("root", np.float32(depth**-0.25))
        turned = op("Mul", op("Transpose", k, perm=[0, 1, 3, 2]), root)
        scores = op("MatMul", op("Mul", q, root), turned)
        if self._spelling == "boolean":
            none, all_ = const("nothing", np.float32(0)), const("infinite", np.float32(-np.inf))
            weights = op("Softmax", op("Add", scores, op("Where", mask, none, all_)), axis=-1)
            weights = op("Where", op("IsNaN", weights), none, weights)
        else:
            weights = op("Softmax", op("Add", scores, mask), axis=-1)
        merged = op("Transpose", op("MatMul", weights, v), perm=[0, 2, 1, 3])
        return op("Reshape", merged, self._nodes.ints(0, 0, shape.width))

    def _heads(self, x: str) -> str:
        shape = self._nodes.ints(0, 0, self._shape.heads, self._shape.width // self._shape.heads)
        return self._nodes.op("Transpose", self._nodes.op("Reshape", x, shape), perm=[0, 2, 1, 3])

    def _linear(self, x: str, name: str, columns: int, rows: int = 0) -> str:
        op, const, rows = self._nodes.op, self._nodes.const, rows or self._shape.width
        weight = self._random.standard_normal((rows, columns), np.float32) * np.float32(rows**-0.5)
        bias = self._random.standard_normal(columns, np.float32) * np.float32(0.1)
        return op("Add", const(f"{name}.bias", bias), op("MatMul", x, const(name, weight)))

    def _gelu(self, x: str) -> str:
        op, const = self._nodes.op, self._nodes.const
        bell = op("Erf", op("Div", x, const("root_two", np.float32(2**0.5))))
        return op(
            "Mul", op("Mul", x, op("Add", bell, const("one", np.float32(1)))), const("half", np.float32(0.5))
        )

    def _norm(self, x: str, name: str, last: bool = False) -> str:
        width = self._shape.width
        scale = 1 + 0.1 * self._random.standard_normal(width, np.float32)
        bias = 0.1 * self._random.standard_normal(width, np.float32)
        operands = self._nodes.const(f"{name}.scale", scale), self._nodes.const(f"{name}.bias", bias)
        results = ("last_hidden_state",) if last else ()
        return self._nodes.op("LayerNormalization", x, *operands, axis=-1, epsilon=EPSILON, results=results)
