"""What 16 bits cannot hold stays f32: small models of every kind, a rotary decoder, and ordinary networks."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import glassrt
import numpy as np
import onnx.parser
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.precision.narrowing.decisions import KEPT_WIDE
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from onnx import ModelProto

from ..models import run_onnxruntime
from .half_models import MODELS
from .networks import NETWORKS
from .rotary import TOKENS, Decoder

Array = np.ndarray[Any, Any]

# Of the largest value of an output.
TOLERANCE = {"fp16": 2e-2, "bf16": 1e-1}
APART = frozenset(
    rule.name for rule in RULES.values() if rule.switchable and rule.level in ("fused", "launch")
)
SIZES = {"N": (1, 2, 2), "S": (1, 64, 64)}
STARTS = (0, 500, 2000, 4000, 8128)


def ranges(model: ModelProto, inputs: dict[str, Array]) -> dict[str, tuple[int, int, int]]:
    """Ranges of the named dimensions up to the sizes of INPUTS."""
    found = {}
    for value in model.graph.input:
        for size, dim in zip(inputs[value.name].shape, value.type.tensor_type.shape.dim, strict=True):
            if dim.dim_param:
                found[dim.dim_param] = (1, size, size)
    return found


def lowered(
    model: ModelProto,
    precision: str,
    shapes: dict[str, tuple[int, int, int]],
    disabled: frozenset[str] = frozenset(),
) -> tuple[Module, PassContext]:
    """MODEL at the precision level, which the interpreter rounds as kernels do."""
    settings = Settings(precision=as_policy(precision), targets=(arch_named("sm_90"),), disabled=disabled)
    context = context_of(settings)
    return brought_to("precision", load_module(model, None, shapes), settings, context), context


def assert_close(results: dict[str, Array], expected: dict[str, Array], tolerance: float) -> None:
    for name, want in expected.items():
        have, want = np.asarray(results[name], np.float64), np.asarray(want, np.float64)
        assert np.isfinite(have).all()
        assert np.abs(have - want).max() <= tolerance * max(np.abs(want).max(), 1e-30), name


@lru_cache(maxsize=1)
def model_of(name: str) -> tuple[ModelProto, dict[str, Array]]:
    """The model NAME and what ONNX Runtime makes of it."""
    model = onnx.parser.parse_model(MODELS[name][0])
    return model, run_onnxruntime(model, MODELS[name][1])


@pytest.mark.parametrize("disabled", [frozenset(), APART], ids=["fused", "apart"])
@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("name", MODELS)
def test_what_16_bits_cannot_hold_stays_wide(name: str, precision: str, disabled: frozenset[str]) -> None:
    model, expected = model_of(name)
    inputs = MODELS[name][1]
    module, _ = lowered(model, precision, ranges(model, inputs), disabled)
    assert_close(interpret(module, inputs), expected, TOLERANCE[precision])


@pytest.mark.parametrize("name", ["cumsum_positions", "mask_min", "global_norm", "conv_int"])
def test_so_it_is_in_kernels(name: str) -> None:
    model, expected = model_of(name)
    inputs = MODELS[name][1]
    plan = glassrt.compile(model, target="host", precision="fp16", shapes=ranges(model, inputs))
    with glassrt.load(plan, device="host") as engine:
        assert_close(engine.run(inputs), expected, TOLERANCE["fp16"])


def test_without_the_rule_positions_are_rounded() -> None:
    """The tests above can fail."""
    name = "range_shape"
    model, expected = model_of(name)
    inputs = MODELS[name][1]
    module, _ = lowered(model, "fp16", ranges(model, inputs), APART | {KEPT_WIDE})
    with pytest.raises(AssertionError):
        assert_close(interpret(module, inputs), expected, TOLERANCE["fp16"])


def test_the_reason_is_in_the_ir_and_in_the_ledger() -> None:
    model, _ = model_of("range_shape")
    module, context = lowered(model, "fp16", ranges(model, MODELS["range_shape"][1]), APART)
    reasons = [op.why for op in module.main.block if op.name == "precision.kernel"]
    assert any(
        "products are exact: it comes from integers, which f16 holds exactly up to 2048 only" in why
        for why in reasons
    )
    assert any("its result stays f32: it comes from integers" in why for why in reasons)
    assert any(record.rule == KEPT_WIDE and record.verdict is Verdict.TAKEN for record in context.ledger)


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_ordinary_networks_keep_nothing_wide(name: str, precision: str) -> None:
    """But a detector whose boxes have exponentials as sizes."""
    _, context = lowered(NETWORKS[name](), precision, {})
    kept = [record.reason for record in context.ledger if record.rule == KEPT_WIDE]
    assert kept == (["it grows as a power or an exponential does"] if name == "detector" else [])


# ---------------------------------------------------------------- a rotary decoder


@pytest.fixture(scope="module")
def errors() -> dict[str, list[float]]:
    """The relative L2 error against f64 of 4 layers at positions from each of STARTS on: in fp16 and bf16
    here, and as PyTorch's autocast computes in half precision."""
    decoder = Decoder(layers=4)
    modules = {name: lowered(decoder.model(), name, SIZES)[0] for name in TOLERANCE}
    found: dict[str, list[float]] = {name: [] for name in (*modules, "autocast")}
    for start in STARTS:
        ids = np.random.default_rng(start).integers(0, TOKENS, (2, 64))
        positions = np.tile(np.arange(start, start + 64), (2, 1))
        exact = decoder.run(ids, positions, half=False)
        outputs = {"autocast": decoder.run(ids, positions, half=True)}
        for name, module in modules.items():
            (outputs[name],) = interpret(module, {"ids": ids, "position_ids": positions}).values()
        for name, output in outputs.items():
            found[name].append(float(np.linalg.norm(output - exact) / np.linalg.norm(exact)))
    return found


@pytest.mark.parametrize("index", range(len(STARTS)), ids=[f"from {start}" for start in STARTS])
def test_a_rotary_decoder_is_no_worse_than_under_autocast(errors: dict[str, list[float]], index: int) -> None:
    """f16 has 11 binary digits and bf16 8, so the error of bf16 is 8 times as large."""
    assert errors["fp16"][index] <= errors["autocast"][index]
    assert errors["bf16"][index] <= 10 * errors["autocast"][index]


def test_its_error_does_not_grow_with_the_position(errors: dict[str, list[float]]) -> None:
    assert max(errors["fp16"]) < 1.1 * min(errors["fp16"])


# ---------------------------------------------------------------- no warnings


@pytest.mark.parametrize("factor", ["3e38", "1e-40", "1e30", "0"])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_numpy_warns_of_nothing(precision: str, factor: str) -> None:
    """Weights, scales and constants that leave the range of every type on the way."""
    text = f"""<ir_version: 10, opset_import: ["": 18]> g (float[N,4] x) => (float[N,2] y)
    <float[4,2] w={{1e30,-1,2,3,-1e-30,5,6,7}}, float k={{{factor}}}, float[2] b={{1e38,-1e38}}>
    {{ a = MatMul(x, w) c = Mul(a, k) d = Add(c, b) e = Mul(d, k) y = Div(e, k) }}"""
    policy = glassrt.PrecisionPolicy(precision, allow_fallback=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module, _ = lowered(onnx.parser.parse_model(text), "fp32", {})
        settings = Settings(precision=policy, targets=(arch_named("sm_90"),))
        loaded = load_module(onnx.parser.parse_model(text))
        module = brought_to("precision", loaded, settings, context_of(settings))
        interpret(module, {"x": np.full((3, 4), 1e30, np.float32)})
