"""Attention of a decoder over its cache, in the spellings of exporters."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from .decoder_nodes import CONTRIBUTED, ModelNodes, Spelling
from .decoder_weights import Weights

Dim = int | str


class CachedAttention:
    """Nodes from projections to attended heads; `past` is the size of a static cache."""

    def __init__(self, nodes: ModelNodes, weights: Weights, spelling: Spelling, past: Dim) -> None:
        self._nodes, self._weights, self._spelling, self._past = nodes, weights, spelling, past
        self._shape = weights.shape
        self._element = helper.np_dtype_to_tensor_dtype(np.dtype(weights.dtype))

    def attended(self, layer: int, q: str, k: str, v: str) -> str:
        """The result [batch, tokens, heads * depth] of LAYER for projections; it writes its present."""
        if self._spelling.cache == "grouped":
            return self._grouped(layer, q, k, v)
        heads, few = self._shape.heads, self._shape.kv_heads
        q, k, v = (self._heads(x, count) for x, count in ((q, heads), (k, few), (v, few)))
        q, k = self._rotated(q), self._rotated(k)
        if self._spelling.cache == "attention":
            results = self._nodes.op(
                "Attention", q, k, v, "", *_past(layer), results=(f"attended_{layer}", *_present(layer))
            )
            return self._joined(results)
        write: Callable[[str, str, str], str] = getattr(self, f"_{self._spelling.cache}")
        k, v = (write(*each) for each in zip(_past(layer), (k, v), _present(layer), strict=True))
        return self._joined(self._products(q, self._repeated(k), self._repeated(v)))

    def _grouped(self, layer: int, q: str, k: str, v: str) -> str:
        if self._spelling.rotary == "slices":
            raise ValueError("GroupQueryAttention rotates by tables")
        op, lengths = self._nodes.op, self._flat_positions(np.int32)
        total = self._nodes.const("total", np.int32(self._past))
        results = (f"attended_{layer}", *_present(layer))
        counts = {"num_heads": self._shape.heads, "kv_num_heads": self._shape.kv_heads}
        operands = (q, k, v, *_past(layer), lengths, total, *self._tables)
        return op(
            "GroupQueryAttention", *operands, results=results, domain=CONTRIBUTED, do_rotary=1, **counts
        )

    # ------------------------------------------------------------ heads and positions

    def _heads(self, x: str, count: int) -> str:
        """X [batch, tokens, features] as [batch, COUNT, tokens, depth]."""
        apart = self._nodes.op("Reshape", x, self._nodes.ints(0, 0, count, self._shape.depth))
        return self._nodes.op("Transpose", apart, perm=[0, 2, 1, 3])

    def _joined(self, x: str) -> str:
        turned = self._nodes.op("Transpose", x, perm=[0, 2, 1, 3])
        return self._nodes.op(
            "Reshape", turned, self._nodes.ints(0, 0, self._shape.heads * self._shape.depth)
        )

    def _rotated(self, x: str) -> str:
        op, ints = self._nodes.op, self._nodes.ints
        if self._spelling.rotary == "onnx":
            return op("RotaryEmbedding", x, *self._tables, "position_ids")
        if self._spelling.rotary == "contributed":
            return op("RotaryEmbedding", x, "position_ids", *self._tables, domain=CONTRIBUTED)
        half, last = ints(self._shape.depth // 2), ints(3)
        low, high = op("Slice", x, ints(0), half, last), op("Slice", x, half, ints(1 << 62), last)
        turned = op("Concat", op("Neg", high), low, axis=-1)
        cos, sin = self._cos_sin
        return op("Add", op("Mul", x, cos), op("Mul", turned, sin))

    @cached_property
    def _tables(self) -> tuple[str, str]:
        """Cosines and sines of all positions."""
        angles, dtype = self._weights.angles(), self._weights.dtype
        cos, sin = (self._nodes.const(f.__name__, f(angles).astype(dtype)) for f in (np.cos, np.sin))
        return cos, sin

    @cached_property
    def _cos_sin(self) -> tuple[str, str]:
        """Cosines and sines of the positions, [batch, 1, tokens, depth], in f32 from frequencies."""
        op, one = self._nodes.op, self._nodes.ints(1)
        frequencies = self._weights.angles()[1].astype(np.float32).reshape(1, -1, 1)
        places = op("Cast", op("Unsqueeze", "position_ids", one), to=TensorProto.FLOAT)
        angles = op(
            "Transpose", op("MatMul", self._nodes.const("frequencies", frequencies), places), perm=[0, 2, 1]
        )
        both = op("Unsqueeze", op("Concat", angles, angles, axis=-1), one)
        cos, sin = (op("Cast", op(kind, both), to=self._element) for kind in ("Cos", "Sin"))
        return cos, sin

    def _flat_positions(self, dtype: Any) -> str:
        """The first positions of all sequences, [batch]."""
        ints = self._nodes.ints
        first = self._nodes.op("Slice", "position_ids", ints(0), ints(1), ints(1))
        flat = self._nodes.op("Reshape", first, ints(-1))
        code = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return flat if dtype is np.int64 else self._nodes.op("Cast", flat, to=code)

    # ------------------------------------------------------------ caches

    def _concat(self, past: str, new: str, present: str) -> str:
        return self._nodes.op("Concat", past, new, axis=2, results=(present,))

    def _tensor_scatter(self, past: str, new: str, present: str) -> str:
        return self._nodes.op(
            "TensorScatter", past, new, self._flat_positions(np.int64), axis=2, results=(present,)
        )

    def _scatter_nd(self, past: str, new: str, present: str) -> str:
        """At the position of the first sequence, as `index_copy` of a static cache is exported."""
        op, ints = self._nodes.op, self._nodes.ints
        first = op("Reshape", op("Slice", "position_ids", ints(0), ints(1), ints(0)), ints(-1, 1))
        turned, update = (op("Transpose", x, perm=[2, 0, 1, 3]) for x in (past, new))
        written = op("ScatterND", turned, first, update)
        return op("Transpose", written, perm=[1, 2, 0, 3], results=(present,))

    # ------------------------------------------------------------ scores

    def _repeated(self, x: str) -> str:
        """Keys or values [batch, few heads, keys, depth] for all heads."""
        op, shape = self._nodes.op, self._shape
        group = shape.heads // shape.kv_heads
        apart = op("Unsqueeze", x, self._nodes.ints(2))
        spread = op("Expand", apart, self._nodes.ints(1, 1, group, 1, 1))
        sizes = op(
            "Concat",
            op("Shape", x, start=0, end=1),
            self._nodes.ints(shape.heads),
            op("Shape", x, start=2),
            axis=0,
        )
        return op("Reshape", spread, sizes)

    def _products(self, q: str, k: str, v: str) -> str:
        op = self._nodes.op
        scale = self._nodes.const("scale", np.array(self._shape.depth**-0.5, self._weights.dtype))
        scores = op("Mul", op("MatMul", q, op("Transpose", k, perm=[0, 1, 3, 2])), scale)
        if self._spelling.static:
            scores = op("Add", scores, self._mask)
        return op("MatMul", op("Softmax", scores, axis=-1), v)

    @cached_property
    def _mask(self) -> str:
        """[batch, 1, tokens, keys]: minus infinity for keys that are later than the query, as torch.onnx
        exports a boolean mask of its attention."""
        op, const, dtype = self._nodes.op, self._nodes.const, np.dtype(self._weights.dtype)
        if not isinstance(self._past, int):
            raise ValueError("a static cache has a size")
        keys = const("keys", np.arange(self._past))
        seen = op("LessOrEqual", keys, op("Unsqueeze", "position_ids", self._nodes.ints(1, 3)))
        return op("Where", seen, const("zero", dtype.type(0)), const("nothing", dtype.type(-np.inf)))


def _past(layer: int) -> tuple[str, str]:
    return f"past.{layer}.key", f"past.{layer}.value"


def _present(layer: int) -> tuple[str, str]:
    return f"present.{layer}.key", f"present.{layer}.value"
