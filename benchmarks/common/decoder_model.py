"""A decoder of language (Touvron et al., "LLaMA") with caches of keys and values as an ONNX model, in the
spellings of exporters, without PyTorch; `decoder_numpy.py` has what all of them compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper

from .decoder_attention import CachedAttention, Dim
from .decoder_nodes import CONTRIBUTED, ModelNodes, Spelling
from .decoder_weights import BLOCK, EPSILON, Weights


def decoder_model(
    weights: Weights, spelling: Spelling, batch: Dim, past: Dim, tokens: Dim = 1, chosen: bool = False
) -> ModelProto:
    """A model that takes TOKENS of each sequence with their positions, and past keys and values, to the
    logits behind the last one, and present keys and values; if CHOSEN, to the likeliest next token, too.

    BATCH, PAST (of a static cache: its size) and TOKENS are numbers, or names of symbols; several tokens go
    into caches by Concat or TensorScatter.
    """
    if tokens != 1 and spelling.cache not in ("concat", "tensor_scatter"):
        raise ValueError(f"{spelling.cache} takes one token")
    nodes = ModelNodes()
    layers = _Layers(nodes, weights, spelling, past)
    logits = layers.logits(last=tokens != 1)
    if chosen:
        nodes.op("ArgMax", logits, axis=-1, keepdims=0, results=("next_ids",))
    stored = [numpy_helper.from_array(array, name) for name, array in nodes.stored.items()]
    inputs, outputs = _signature(weights, spelling, batch, past, tokens)
    if chosen:
        outputs.append(helper.make_tensor_value_info("next_ids", TensorProto.INT64, [batch, 1]))
    graph = helper.make_graph(nodes.made, "decoder", inputs, outputs, stored)
    opsets = [helper.make_opsetid("", spelling.opset), helper.make_opsetid(CONTRIBUTED, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def saved(model: ModelProto, folder: Path) -> Path:
    """MODEL as a file in FOLDER, with its weights beside it, since a message has at most 2 GB."""
    path = folder / "decoder.onnx"
    onnx.save_model(model, path, save_as_external_data=True, location="decoder.data", size_threshold=1024)
    return path


class _Layers:
    """The nodes of all layers."""

    def __init__(self, nodes: ModelNodes, weights: Weights, spelling: Spelling, past: Dim) -> None:
        self._nodes, self._weights, self._spelling = nodes, weights, spelling
        self._shape = weights.shape
        self._attention = CachedAttention(nodes, weights, spelling, past)

    def logits(self, *, last: bool) -> str:
        """The logits of all tokens, or of the LAST one of several."""
        shape = self._shape
        x = self._nodes.op("Gather", self._nodes.const("embedding", self._weights.embedding()), "input_ids")
        for layer in range(shape.layers):
            x = self._layer(layer, x)
        if last:
            ints = self._nodes.ints
            x = self._nodes.op("Slice", x, ints(-1), ints(1 << 62), ints(1))
        h = self._norm(x, "norm")
        return self._linear(h, "head", shape.width, shape.vocabulary, results=("logits",))

    def _layer(self, layer: int, x: str) -> str:
        op, shape = self._nodes.op, self._shape
        wide, narrow = shape.heads * shape.depth, shape.kv_heads * shape.depth
        h = self._norm(x, f"{layer}.before")
        q, k, v = (
            self._linear(h, f"{layer}.{name}", shape.width, columns)
            for name, columns in (("q", wide), ("k", narrow), ("v", narrow))
        )
        x = op(
            "Add", x, self._linear(self._attention.attended(layer, q, k, v), f"{layer}.o", wide, shape.width)
        )
        h = self._norm(x, f"{layer}.after")
        gate, up = (self._linear(h, f"{layer}.{name}", shape.width, shape.hidden) for name in ("gate", "up"))
        gated = op("Mul", op("Mul", gate, op("Sigmoid", gate)), up)
        return op("Add", x, self._linear(gated, f"{layer}.down", shape.hidden, shape.width))

    def _linear(self, x: str, name: str, rows: int, columns: int, results: tuple[str, ...] = ()) -> str:
        op, const, weights = self._nodes.op, self._nodes.const, self._weights
        if not weights.bits:
            return op("MatMul", x, const(name, weights.product(name, rows, columns)), results=results)
        numbers, scale = weights.stored(name, rows, columns)
        packed = numbers if weights.bits == 8 else numbers[:, 0::2] | numbers[:, 1::2] << 4
        stored = const(name, packed.reshape(columns, rows // BLOCK, -1))
        operands = x, stored, const(f"{name}.scale", scale.reshape(-1))
        sizes = {"K": rows, "N": columns, "bits": weights.bits, "block_size": BLOCK}
        return op("MatMulNBits", *operands, results=results, domain=CONTRIBUTED, **sizes)

    def _norm(self, x: str, name: str) -> str:
        """The RMS norm of X."""
        op, const = self._nodes.op, self._nodes.const
        scale = const(name, self._weights.scale(name))
        if self._spelling.norm == "fused":
            return op("SimplifiedLayerNormalization", x, scale, axis=-1, epsilon=EPSILON, stash_type=1)
        wide = op("Cast", x, to=TensorProto.FLOAT)
        mean = op(
            "ReduceMean", op("Pow", wide, const("two", np.float32(2))), self._nodes.ints(-1), keepdims=1
        )
        root = op("Sqrt", op("Add", mean, const("epsilon", np.float32(EPSILON))))
        code = helper.np_dtype_to_tensor_dtype(np.dtype(self._weights.dtype))
        return op("Mul", scale, op("Cast", op("Mul", wide, op("Reciprocal", root)), to=code))


def _signature(
    weights: Weights, spelling: Spelling, batch: Dim, past: Dim, tokens: Dim
) -> tuple[list[ValueInfoProto], list[ValueInfoProto]]:
    """The inputs and the outputs of the model."""
    shape, code = weights.shape, helper.np_dtype_to_tensor_dtype(np.dtype(weights.dtype))
    both = isinstance(past, int) and isinstance(tokens, int)
    longer = int(past) + int(tokens) if both else f"{past} + {tokens}"
    value = helper.make_tensor_value_info
    inputs = [value(name, TensorProto.INT64, [batch, tokens]) for name in ("input_ids", "position_ids")]
    outputs = [value("logits", code, [batch, 1, shape.vocabulary])]
    for layer in range(shape.layers):
        for part in ("key", "value"):
            before, after = ([batch, shape.kv_heads, size, shape.depth] for size in (past, longer))
            inputs.append(value(f"past.{layer}.{part}", code, before))
            outputs.append(value(f"present.{layer}.{part}", code, before if spelling.static else after))
    return inputs, outputs
