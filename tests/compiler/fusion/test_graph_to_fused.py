"""graph → fused: what becomes one kernel, what does not, and what the ledger says about it."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.softmax import Softmax
from glassrt.testing.net import Net

from ..fusing import fuse, image, kernels


class TestSwitches:
    @pytest.mark.parametrize(
        ("rule", "want"),
        [
            ("contraction-epilogue", ["contraction: conv", "loop: add relu", "row: mul softmax mul"]),
            ("row-consumer", ["contraction: conv add relu", "row: mul softmax", "loop: mul"]),
            ("row-producer", ["contraction: conv add relu", "loop: mul", "row: softmax mul"]),
        ],
    )
    def test_rules_can_be_switched_off(self, rule: str, want: list[str]) -> None:
        net = Net()
        y = net.add(Relu, net.bias(net.conv(image(net), 4)))
        branch = net.add(Softmax, net.add(Mul, net.input("z", 4, 4), net.const(np.float32(3))), axis=1)
        module = net.done(y, net.add(Mul, branch, branch))
        context = fuse(module, disabled=frozenset({rule}))
        assert kernels(module) == want
        assert any(r.rule == rule and r.verdict is Verdict.DISABLED for r in context.ledger)

    def test_the_ledger_has_nodes_and_reasons(self) -> None:
        net = Net()
        module = net.done(net.add(Cast, net.add(Relu, net.conv(image(net), 4)), to=F32))
        context = fuse(module)
        assert next(r.to_json() for r in context.ledger) == {
            "rule": "contraction-epilogue",
            "ops": ["graph.conv", "graph.relu"],
            "nodes": ["conv0", "relu1"],
            "verdict": "taken",
            "reason": "computed on the accumulator before it is stored",
            "figures": {"bytes_saved": 2 * 4 * 4 * 36, "launches_saved": 1},
            "split": 1,
        }
