"""How a decoder is written as ONNX, and its nodes as they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from onnx import NodeProto, helper

from .decoder_weights import Array

Cache = Literal["concat", "attention", "tensor_scatter", "scatter_nd", "grouped"]
CONTRIBUTED = "com.microsoft"


@dataclass(frozen=True)
class Spelling:
    """How a decoder is written.

    cache: past and present by Concat, as torch.onnx has them, or inside ONNX Attention (opset 23); or
    caches of a fixed size that are written where a sequence ends: by TensorScatter (opset 24), by ScatterND
    at one position for all sequences, as a static cache is exported, or inside ONNX Runtime's
    GroupQueryAttention. norm: RMS norm by its formula, or as ONNX Runtime's op. rotary: by slices, as ONNX
    Runtime's op, or as that of ONNX (opset 23).
    """

    cache: Cache = "concat"
    norm: Literal["formula", "fused"] = "formula"
    rotary: Literal["slices", "contributed", "onnx"] = "slices"

    @property
    def static(self) -> bool:
        """Whether caches have a fixed size."""
        return self.cache in ("tensor_scatter", "scatter_nd", "grouped")

    @property
    def opset(self) -> int:
        """The version of ONNX's ops."""
        newest = {"tensor_scatter": 24, "attention": 23}.get(self.cache, 20)
        return max(newest, 23 if self.rotary == "onnx" else 20)


@dataclass
class ModelNodes:
    """Nodes and initializers of a model."""

    made: list[NodeProto] = field(default_factory=list)
    stored: dict[str, Array] = field(default_factory=dict)

    def op(self, kind: str, *operands: str, results: tuple[str, ...] = (), **attributes: Any) -> str:
        """A node; the name of its only result, or of the first of RESULTS."""
        number = len(self.made)
        names = results or (f"{kind.lower()}_{number}",)
        self.made.append(helper.make_node(kind, operands, names, f"{kind}_{number}", **attributes))
        return names[0]

    def const(self, name: str, array: Any) -> str:
        """The initializer NAME."""
        self.stored.setdefault(name, np.asarray(array))
        return name

    def ints(self, *numbers: int) -> str:
        """An initializer of NUMBERS."""
        return self.const("ints_" + "_".join(map(str, numbers)), np.array(numbers, np.int64))
