"""A scale goes into the weights of a product only where the format holds the scaled weights."""

from __future__ import annotations

import numpy as np
import onnx.parser
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module

RULES = ("scale-into-contraction", "batch-norm-into-contraction")
WEIGHTS = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)


def text_of(array: object) -> str:
    return ", ".join(f"{value:.9g}" for value in np.asarray(array).ravel())


def product(scale: float, kind: str = "Mul") -> str:
    return f"""<ir_version: 10, opset_import: ["": 18]> g (float[N,8] x) => (float[N,8] y)
    <float[8,8] w={{{text_of(WEIGHTS)}}}, float k={{{scale:g}}}, float back={{{1 / scale:g}}}>
    {{ a = MatMul(x, w) b = {kind}(a, k) c = Sin(b) y = {kind}(c, back) }}"""


def normalised(*scales: float, op: str = "Conv") -> str:
    return f"""<ir_version: 10, opset_import: ["": 18]> g (float[N,4,4,4] x) => (float[N,4,4,4] y)
    <float[4,4,1,1] w={{{text_of(WEIGHTS[:4, :4])}}}, float[4] s={{{text_of(scales)}}},
     float[4] b={{1,2,3,4}}, float[4] m={{0,0,0,0}}, float[4] v={{1,1,1,1}}>
    {{ a = {op}(x, w) y = BatchNormalization(a, s, b, m, v) }}"""


def folded(text: str, precision: str) -> tuple[Module, list[Record]]:
    """The module at the precision level, and what became of the scales."""
    settings = Settings(precision=as_policy(precision), targets=(arch_named("sm_90"),))
    context = context_of(settings)
    module = brought_to("precision", load_module(onnx.parser.parse_model(text)), settings, context)
    return module, [record for record in context.ledger if record.rule in RULES]


def verdicts(text: str, precision: str) -> set[Verdict]:
    return {record.verdict for record in folded(text, precision)[1]}


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_an_ordinary_scale_is_folded(precision: str) -> None:
    assert verdicts(product(0.25), precision) == {Verdict.TAKEN}
    assert verdicts(normalised(0.5, 1, 2, 0.1), precision) == {Verdict.TAKEN}


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("kind", ["Mul", "Div"])
def test_f16_refuses_what_leaves_its_range(scale: float, kind: str) -> None:
    text = product(scale, kind)
    _, records = folded(text, "fp16")
    (record,) = records
    assert record.verdict is Verdict.REFUSED and "f16" in record.reason and record.split == 1
    assert verdicts(text, "bf16") == verdicts(text, "fp32") == {Verdict.TAKEN}


@pytest.mark.parametrize(("kind", "scale"), [("Mul", 1e-6), ("Div", 1e6)])
def test_the_factor_behind_the_product_is_exact(kind: str, scale: float) -> None:
    module, _ = folded(product(scale, kind), "fp16")
    x = np.random.default_rng(1).standard_normal((4, 8)).astype(np.float32)
    factor = scale if kind == "Mul" else 1 / scale
    expected = np.sin(x.astype(np.float64) @ WEIGHTS * factor) / factor
    (result,) = interpret(module, {"x": x}).values()
    assert np.abs(result - expected).max() <= 2e-3 * np.abs(expected).max()


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_a_weak_channel_counts_unless_it_is_dead(op: str) -> None:
    assert verdicts(normalised(1, 1, 1, 1e-5, op=op), "fp16") == {Verdict.TAKEN}
    assert verdicts(normalised(1e-2, 1, 1, 1e-5, op=op), "fp16") == {Verdict.TAKEN}
    assert verdicts(normalised(1e-2, 1e-2, 1e-2, 1e-5, op=op), "fp16") == {Verdict.REFUSED}


def test_fp32_has_an_end_too() -> None:
    _, (record,) = folded(product(3.3e38), "fp32")
    assert record.verdict is Verdict.REFUSED and "the largest f32 is 3.4028e+38" in record.reason
