"""PowerNorm of the domain example.ops: rows divided by their p-norm, by a loop nest.

It works on rows, and says so: what is elementwise around it joins its kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt import custom


@custom.op("example.ops::PowerNorm")
class PowerNorm(custom.LoopOp):
    """y = scale * x / (mean(|x|^p) + epsilon)^(1/p) along the last axis of x; scale has one element for each
    position of that axis."""

    x = custom.operand()
    scale = custom.operand()
    y = custom.result()
    power = custom.number(3.0)
    epsilon = custom.number(1e-5)
    cost = 6

    def result_type(self) -> custom.TensorType:
        if self.x.type.rank < 1 or self.scale.type.shape != self.x.type.shape[-1:]:
            raise ValueError(f"a scale of {self.scale.type} for rows of {self.x.type}")
        return self.x.type

    def row_axes(self) -> tuple[int, ...]:
        return (self.x.type.rank - 1,)

    def compute(self, x: Any, scale: Any) -> Any:
        mean = np.mean(np.abs(x) ** self.power, axis=-1, keepdims=True, dtype=np.float64)
        return scale * x / (mean + self.epsilon) ** (1 / self.power)

    def element(self, nest: custom.Nest) -> custom.Term:
        *row, column = nest.index
        width = self.x.type.shape[-1]
        powers = nest.sum([width], lambda k: nest.load(self.x, *row, k).call("abs").call("pow", self.power))
        norm = (powers / nest.size(width) + self.epsilon).call("pow", 1 / self.power)
        return nest.load(self.x, *row, column) * nest.load(self.scale, column) / norm
