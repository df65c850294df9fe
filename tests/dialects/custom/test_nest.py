"""Loop nests: what an element may be made of."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
from glassrt import custom

from ...custom_ops import drawn, model, node


def test_reductions_sizes_and_guards() -> None:
    with custom.registered():

        @custom.op("glass.nests::Mixed")
        class Mixed(custom.LoopOp):
            """The larger of the row's maximum and 0.5, times the row's length and number, 1 in row 0."""

            x = custom.operand()
            y = custom.result()

            def result_type(self) -> custom.TensorType:
                return self.x.type.with_shape(self.x.type.shape[:1])

            def compute(self, x: Any) -> Any:
                rows = np.arange(len(x), dtype=x.dtype)
                return np.where(rows < 1, 1, np.maximum(x.max(-1), 0.5) * x.shape[1] * rows)

            def element(self, nest: custom.Nest) -> custom.Term:
                (row,), width = nest.index, self.x.type.shape[1]
                most = nest.reduce("max", [width], lambda k: nest.load(self.x, row, k))
                found = most.call("max", nest.number(0.5)) * nest.size(width) * nest.size(row)
                return nest.where(row, 1, 1 << 20, lambda: found, 1)

        plan = glassrt.compile(
            model([node("Mixed", ["x"], "y", domain="glass.nests")], domain="glass.nests"), target="host"
        )
    with glassrt.load(plan, "host") as engine:
        x = drawn(5, 24) - 3
        found = engine.run({"x": x})["y"]
    wanted = np.where(np.arange(5) < 1, 1, np.maximum(x.max(-1), 0.5) * 24 * np.arange(5))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
