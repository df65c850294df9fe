"""Two layers of attention over tokens of which some are padding, with masks as models compute them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from .spellings import Onnx

Array = np.ndarray[Any, Any]
BATCH, HEADS, TOKENS, FEATURES = 2, 3, 12, 8


@dataclass(frozen=True)
class Masked:
    """KIND of mask, with LOW for what is masked. Inputs: in0, the heads; in1, 1 for tokens that are there."""

    kind: str
    low: float
    layers: int = 2
    symbolic: bool = False

    def build(self) -> bytes:
        g = Onnx()
        batch, tokens = ("B", "S") if self.symbolic else (BATCH, TOKENS)
        x = g.input(batch, HEADS, tokens, FEATURES)
        there = g("Unsqueeze", g.input(batch, tokens, dtype=TensorProto.INT64), g.ints(1, 2))
        apply = self._mask(g, x, there)
        for _ in range(self.layers):
            k = g("Transpose", x, perm=[0, 1, 3, 2])
            scores = g("Mul", g("MatMul", x, k), g.const(FEATURES**-0.5))
            x = g("MatMul", g("Softmax", apply(scores), axis=-1), x)
        return g.done(x)

    def inputs(self) -> dict[str, Array]:
        """The first entry of the batch is padded on the left, the last is padding throughout."""
        there = np.ones((BATCH, TOKENS), np.int64)
        there[0, :4] = 0
        there[1] = 0
        heads = np.random.default_rng(4).standard_normal((BATCH, HEADS, TOKENS, FEATURES))
        return {"in0": heads.astype(np.float32), "in1": there}

    def _mask(self, g: Onnx, x: str, there: str) -> Any:
        low = g.const(self.low)
        kept = g("Cast", there, to=TensorProto.BOOL)
        match self.kind:
            case "numbers":  # BERT: (1 - there) * low
                mask = g("Mul", g("Sub", g.const(1.0), g("Cast", there, to=TensorProto.FLOAT)), low)
                return lambda scores: g("Add", scores, mask)
            case "added":
                mask = g("Where", kept, g.const(0.0), low)
                return lambda scores: g("Add", scores, mask)
            case "selected":
                return lambda scores: g("Where", kept, scores, low)
            case "causal":  # the sum of two masks, clipped
                causal = g("Where", self._before(g, x), g.const(0.0), low)
                both = g("Max", g("Add", causal, g("Where", kept, g.const(0.0), low)), low)
                return lambda scores: g("Add", scores, both)
            case "causal, nested":
                before = self._before(g, x)
                return lambda scores: g("Where", before, g("Where", kept, scores, low), low)
            case "two":
                causal = g("Where", self._before(g, x), g.const(0.0), low)
                padding = g("Where", kept, g.const(0.0), low)
                return lambda scores: g("Add", g("Add", scores, causal), padding)
        raise AssertionError(self.kind)

    def _before(self, g: Onnx, x: str) -> str:
        """True where a key is no later than the query, [S, S], as far as tokens go."""
        count = g("Squeeze", g("Slice", g("Shape", x), g.ints(2), g.ints(3)), g.ints(0))
        places = g("Range", g.const(0, np.int64), count, g.const(1, np.int64))
        return g("GreaterOrEqual", g("Unsqueeze", places, g.ints(1)), g("Unsqueeze", places, g.ints(0)))
