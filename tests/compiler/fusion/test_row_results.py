"""Row kernels that store a second form of their result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt import compile, load
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.fusion.row_results import RowResults
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.dtypes import I8
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.normalization import LayerNorm
from glassrt.dialects.graph.quantization import Quantize
from glassrt.dialects.graph.unary import Exp, Neg
from glassrt.testing.net import Net

ROWS, WIDTH = 5, 96


def forms(other: bool = False) -> Module:
    """A norm that is returned, quantized and negated; with OTHER the latter reads another tensor, too."""
    net = Net()
    x = net.input("x", ROWS, WIDTH)
    y = net.add(LayerNorm, x, net.weights(WIDTH), net.weights(WIDTH), axis=1)
    q = net.add(Quantize, y, net.const(np.float32(0.03)), to=I8)
    z = net.add(Add, y, net.input("y", ROWS, WIDTH)) if other else net.add(Neg, y)
    return net.done(y, q, net.add(Exp, z))


def fused(module: Module, **switches: Any) -> tuple[list[FusedKernel], list[Record]]:
    """The kernels of MODULE at the fused level, and the records of the rule."""
    settings = Settings(**switches)
    context = context_of(settings)
    lowered = brought_to("fused", module, settings, context)
    kernels = [op for op in lowered.main.block if isinstance(op, FusedKernel)]
    return kernels, [record for record in context.ledger if record.rule == RowResults.name]


def test_one_kernel_stores_all_forms() -> None:
    module = forms()
    plan = compile(clone_module(module), target="host")
    assert len(plan.manifest["launches"]) == 1
    data = {"x": np.random.default_rng(0).standard_normal((ROWS, WIDTH), np.float32)}
    with load(plan, "host") as engine:
        got = engine.run(data)
    for name, want in interpret(module, data).items():
        assert np.allclose(np.float32(got[name]), np.float32(want), atol=1 if want.dtype == np.int8 else 1e-5)
    kernels, records = fused(forms())
    assert [len(kernel.results) for kernel in kernels] == [3]
    assert [record.verdict for record in records] == [Verdict.TAKEN] * 2
    assert records[0].figures == {"bytes_saved": 4 * ROWS * WIDTH, "launches_saved": 1}


def test_a_form_that_reads_more_is_a_kernel_of_its_own() -> None:
    kernels, records = fused(forms(other=True))
    assert [len(kernel.results) for kernel in kernels] == [2, 1] and len(records) == 1


SWITCHES: list[dict[str, Any]] = [
    {"disabled": frozenset({RowResults.name})},
    {"barriers": frozenset({("layer_norm0", "quantize1")})},
]


@pytest.mark.parametrize("switch", SWITCHES)
def test_switches_keep_them_apart(switch: dict[str, Any]) -> None:
    kernels, records = fused(forms(), **switch)
    assert len(kernels) >= 2 and records[0].verdict is Verdict.DISABLED
