"""SoftClip of the domain example.ops: limit * tanh(x / limit), elementwise, by a formula.

It fuses as a built-in op does: into the epilogue of a convolution, into rows, into chains.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt import custom


@custom.op("example.ops::SoftClip")
class SoftClip(custom.ElementwiseOp):
    """y = limit * tanh(x / limit): close to x around 0, and never beyond the limit."""

    x = custom.operand()
    y = custom.result()
    limit = custom.number(1.0)
    cost = 3

    def compute(self, x: Any) -> Any:
        return self.limit * np.tanh(x / self.limit)

    def formula(self, x: custom.Term) -> custom.Term:
        return (x / self.limit).call("tanh") * self.limit
