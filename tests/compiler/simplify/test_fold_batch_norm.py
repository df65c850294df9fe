"""Scales and shifts go into the weights of a contraction, rounded once, where the format holds them."""

from __future__ import annotations

import numpy as np
import onnx.parser
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.settings.policy import as_policy
from glassrt.compiler.simplify.fold_batch_norm import PATTERNS, FoldBatchNorm
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.normalization import BatchNorm
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st

from ...property.rule_checks import check_meaning, name_of

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


def test_the_new_weights_are_rounded_once() -> None:
    net = Net()
    x = net.input("x", 1, 1, 1, 1)
    w, scale = np.float32(1.2345678), np.float32(3.3333333)
    y = net.add(Mul, net.add(Conv, x, net.const(w.reshape(1, 1, 1, 1))), net.const(scale))
    module = net.done(y)
    FoldBatchNorm().run(module, PassContext(ALL_DIALECTS))
    result = interpret(module, {"x": np.ones((1, 1, 1, 1), np.float32)})["y"]
    assert result.item() == np.float32(np.float64(w.item()) * np.float64(scale))


@pytest.mark.parametrize("rule", PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    check_meaning(rule, data)


def test_statistics_that_give_no_number_are_left_alone() -> None:
    """A negative variance, and a scale that is infinite."""
    for variance, gamma in ((-1.0, 1.0), (1.0, np.inf)):
        net = Net()
        x = net.conv(net.input("x", 1, 2, 4, 4), 2)
        given_ = [np.full(2, number, np.float32) for number in (gamma, 0.5, 0.25, variance)]
        module = net.done(net.add(BatchNorm, x, *map(net.const, given_), epsilon=1e-5))
        FoldBatchNorm().run(module, PassContext(ALL_DIALECTS))
        assert any(isinstance(op, BatchNorm) for op in module.main.block)


def test_a_contraction_that_others_read_is_left_alone() -> None:
    net = Net()
    product = net.conv(net.input("x", 1, 2, 4, 4), 2)
    module = net.done(net.add(Mul, product, net.const(np.float32(2))), product)
    FoldBatchNorm().run(module, PassContext(ALL_DIALECTS))
    assert any(isinstance(op, Mul) for op in module.main.block)


def test_the_new_bias_is_the_scaled_one_and_the_shift() -> None:
    """gamma (w x + b - mean) / sqrt(variance + epsilon) + beta, in float64 and rounded once."""
    net = Net()
    w, b, gamma, beta, mean, variance = (np.float32(number) for number in (1.5, 0.3, 2.0, 0.7, -0.4, 3.0))
    conv = net.add(Conv, net.input("x", 1, 1, 1, 1), net.const(w.reshape(1, 1, 1, 1)))
    biased = net.add(Add, conv, net.const(b.reshape(1, 1, 1)))
    statistics = [net.const(number.reshape(1)) for number in (gamma, beta, mean, variance)]
    module = net.done(net.add(BatchNorm, biased, *statistics, epsilon=0.5))
    FoldBatchNorm().run(module, PassContext(ALL_DIALECTS))
    scale = np.float64(gamma) / np.sqrt(np.float64(variance) + 0.5)
    arrays = [
        op.array(module).item() for op in module.main.block if isinstance(op, Constant) and op.result.uses
    ]
    assert arrays == [np.float32(w * scale), np.float32(b * scale + (beta - np.float64(mean) * scale))]
