"""Plans of eight bits: kernels are held to the rounding of their storage types, and what the compiler did
to the outputs is told apart from what eight bits cost."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt import CalibrationTable, calibrate
from glassrt.codegen.plan import assemble
from glassrt.codegen.plan.sources import MadeKernel
from glassrt.compiler.checking.check import Case, CheckReport, check
from glassrt.compiler.checking.measures import Error
from glassrt.compiler.checking.quantization import lowering_bound
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.patterns.rewrite import Rewriter, pattern
from glassrt.compiler.precision.quantization import contractions
from glassrt.compiler.precision.quantization.division import Division
from glassrt.compiler.simplify import canonicalize
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.unary import Abs
from glassrt.runtime import Plan

from ...places import EXAMPLES
from ...quantized import quantized, small_network
from .quantized_nets import Array
from .small import measured, parsed, settings

DIGITS = EXAMPLES / "digits.onnx"

# Makes what a convolution sums up, or what is quantized, three percent larger.
SUMS = (r"(const f32 mul_\d+ = \w+(?:\[lane\])? \* (?:along\.)?x\d_\d+\[lane\])", r"\1 * 1.03f")
QUANTIZED = (r"(const f32 div_\d+ = )", r"\g<1>1.03f * ")


@pytest.fixture(scope="module")
def table() -> CalibrationTable:
    held_out = EXAMPLES / "digits_test.npz"
    return calibrate(DIGITS, held_out, device="interpret", shapes={"N": (1, 30, 64)}, limit=2)


@pytest.fixture(scope="module")
def images() -> dict[str, Array]:
    with np.load(EXAMPLES / "digits_test.npz") as data:
        return {"image": data["image"][40:46]}


@pytest.fixture(scope="module", params=["fp8", "int8"])
def built(request: pytest.FixtureRequest, table: CalibrationTable) -> tuple[Plan, Module]:
    """The digits in eight bits, and the graph level with its weights."""
    module = import_model(DIGITS)
    plan = build(module, eight_bits(request.param, table)).plan
    return plan, parse_module(plan.ir("graph"), ALL_DIALECTS, module.resources)


def eight_bits(precision: str, table: CalibrationTable) -> Settings:
    return replace(settings(precision), calibration=table)


def flagged(plan: Plan, graph: Module, images: dict[str, Array]) -> list[str]:
    """The kernels that are beyond their bounds."""
    return [report.kernel for report in measured(plan, graph, images) if report.excess(None) > 1]


def test_sound_kernels_of_eight_bits_are_within_their_bounds(
    built: tuple[Plan, Module], images: dict[str, Array]
) -> None:
    assert flagged(*built, images) == []


@pytest.mark.parametrize(
    ("nodes", "fault"),
    [
        (("conv_0",), QUANTIZED),
        (("conv_3", "relu_5"), SUMS),
        (("conv_6", "maxpool_10"), SUMS),
        (("conv_11", "relu_13"), SUMS),
        (("conv_17", "relu_19"), SUMS),
    ],
    ids=["quantize", "conv", "residual", "depthwise", "stored in f16"],
)
def test_a_fault_of_three_percent_is_named(
    built: tuple[Plan, Module], images: dict[str, Array], nodes: tuple[str, ...], fault: tuple[str, str]
) -> None:
    """Though the next number of f8e4m3 is up to an eighth away, and most elements do not change at all."""
    plan, graph = built
    kernel = next(launch.kernel for launch in plan.spec.launches if {*nodes} <= {*launch.nodes})
    source, changes = re.subn(*fault, plan.sources[kernel], count=1)
    assert changes == 1
    broken = replace(plan, sources={**plan.sources, kernel: source})
    assert flagged(broken, graph, images) == [kernel]


POOLED = """module @pooled {
  func @main(%x: tensor<1x8x16x16xf32>) -> (tensor<1x8x8x8xRESULT>) {inputs = ["x"], outputs = ["y"]} {
    %s = graph.constant {value = dense<f32: 0.01>} : tensor<f32>
    %b = graph.constant {value = dense<f32: 0.3>} : tensor<f32>
    %0 = graph.sigmoid %x : tensor<1x8x16x16xf32> loc("sigmoid")
    %1 = graph.mul %0, %b : tensor<1x8x16x16xf32> loc("scale")
    %2 = graph.quantize %1, %s {to = f8e4m3} : tensor<1x8x16x16xf8e4m3> loc("store")
    %3 = graph.max_pool %2 {strides = [2, 2], dilations = [1, 1], pads = [0, 0, 0, 0], kernel = [2, 2]} : tensor<1x8x8x8xf8e4m3> loc("pool")
    %4 = graph.dequantize %3, %s {to = f32} : tensor<1x8x8x8xf32> loc("read")
    core.return RETURNED
  }
}
"""  # noqa: E501 - one line per operation


def pooled(stored: bool, factor: float = 1.0) -> float:
    """The worst share of a bound in a net that rounds to f8e4m3 and picks the largest; what it has is
    STORED so, or read in the same kernel. The kernel scales what it rounds by FACTOR."""
    chosen = ("f8e4m3", "%3") if stored else ("f32", "%4")
    plan = build(parsed(POOLED.replace("RESULT", chosen[0]).replace("RETURNED", chosen[1])), settings()).plan
    (launch,) = plan.spec.launches
    source, changes = re.subn(
        r" / 0x1\.47ae14p-7f", rf" * {factor}f / 0x1.47ae14p-7f", plan.sources[launch.kernel]
    )
    assert changes
    x = {"x": np.random.default_rng(1).standard_normal((1, 8, 16, 16)).astype(np.float32)}
    plan = replace(plan, sources={launch.kernel: source})
    return max(report.excess(None) for report in measured(plan, parsed(plan.ir("graph")), x))


def test_what_is_picked_after_rounding_is_judged_before_it() -> None:
    assert pooled(stored=True) <= 1
    assert pooled(stored=True, factor=1.01) > 100


def test_what_is_rounded_on_the_way_may_be_off_by_a_step() -> None:
    """It may lie at a tie; more than a step is a fault."""
    assert pooled(stored=False) <= 1 and pooled(stored=False, factor=1.01) <= 1
    assert pooled(stored=False, factor=1.3) > 1


# ---------------------------------------------------------------- rounding


# ---------------------------------------------------------------- the whole network


def checked(precision: str, table: CalibrationTable, images: dict[str, Array]) -> CheckReport:
    case = Case(DIGITS, import_model(DIGITS), images)
    return check(case, eight_bits(precision, table), "host")


@pytest.mark.parametrize(("precision", "least", "most"), [("int8", 30, 45), ("fp8", 18, 30)])
def test_loss_and_compiler_error_are_told_apart(
    precision: str, least: float, most: float, table: CalibrationTable, images: dict[str, Array]
) -> None:
    report = checked(precision, table, images)
    assert report.ok and report.quantization is not None
    ((compiler,), (loss,)) = report.quantization.compiler, report.quantization.loss
    (lowering,) = report.quantization.lowering
    assert report.quantization.chosen and lowering.error.relative_l2 < 1e-3
    assert lowering.bound == pytest.approx(loss.error.relative_l2 / math.sqrt(2), rel=0.01)
    assert compiler.error.relative_l2 < 1e-5 and compiler.bound == 64 * 2.0**-11
    assert least < loss.sqnr < most
    assert loss.sqnr == pytest.approx(-20 * math.log10(loss.error.relative_l2))
    # What the policy lost bounds nothing; what is done before scales are put in loses nothing.
    assert [output.bound for output in report.outputs] == [None]
    assert [output.bound for output in report.rewrites] == [256 * 2.0**-24]
    assert report.outputs[0].error.relative_l2 == pytest.approx(loss.error.relative_l2, rel=1e-3)


def test_a_fault_of_a_kernel_is_no_loss(
    table: CalibrationTable, images: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = checked("int8", table, images)
    made_kernels = assemble.made_kernels

    def spoilt(*arguments: Any) -> dict[str, MadeKernel]:
        made = made_kernels(*arguments)
        name = next(name for name, kernel in made.items() if re.search(SUMS[0], kernel.source))
        return made | {name: replace(made[name], source=re.sub(SUMS[0], r"\1 * 1.2f", made[name].source))}

    monkeypatch.setattr(assemble, "made_kernels", spoilt)
    broken = checked("int8", table, images)
    assert sound.quantization is not None and broken.quantization is not None
    assert broken.quantization.loss == sound.quantization.loss
    assert sound.ok and not broken.ok and not broken.quantization.compiler[0].ok


def scale_of_sums(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the scale that `integer-contraction` gives what it sums up wrong by FACTOR."""
    sound = contractions.spread_out

    def wrong(op: Any, numbers: Array) -> Array:
        spread = sound(op, numbers)
        return spread * spread.dtype.type(factor) if spread.dtype.kind == "f" else spread

    monkeypatch.setattr(contractions, "spread_out", wrong)


def quotients(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the constants wrong by FACTOR into which the division by the next scale is folded."""
    sound = Division._quotient

    def wrong(self: Division, value: Any, *, positive_only: bool) -> Array | None:
        quotient = sound(self, value, positive_only=positive_only)
        return None if quotient is None else quotient * np.float32(factor)

    monkeypatch.setattr(Division, "_quotient", wrong)


@pytest.mark.parametrize("precision", ["int8", "fp8"])
@pytest.mark.parametrize(("fault", "factor"), [(scale_of_sums, 1.2), (scale_of_sums, 1.03), (quotients, 1.3)])
def test_a_fault_of_a_pass_is_no_loss(
    precision: str,
    fault: Callable[[float, pytest.MonkeyPatch], None],
    factor: float,
    table: CalibrationTable,
    images: dict[str, Array],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kernels do what passes made of the model, so nothing but the explicit graph shows it."""
    sound = checked(precision, table, images)
    fault(factor, monkeypatch)
    broken = checked(precision, table, images)
    assert sound.quantization is not None and broken.quantization is not None
    assert sound.ok and not broken.ok and [each.ok for each in broken.quantization.lowering] == [False]
    assert broken.quantization.loss == sound.quantization.loss
    rest = (*broken.quantization.compiler, *broken.outputs, *broken.rewrites)
    assert all(each.ok for each in rest) and all(broken.fits(launch) for launch in broken.launches)


@pattern("planted", Relu)
def planted(op: Relu, rewriter: Rewriter) -> bool:
    """relu(x) => abs(x)"""
    rewriter.replace(op, rewriter.insert(Abs(op.x)).result)
    return True


def test_a_fault_before_scales_are_put_in_is_no_loss_either(
    table: CalibrationTable, images: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonicalize, "PATTERNS", (*canonicalize.PATTERNS, planted))
    report = checked("int8", table, images)
    assert not report.ok and [output.ok for output in report.rewrites] == [False]


@pytest.mark.parametrize(
    ("loss", "allowed"),
    [(0.1, 0.1 / math.sqrt(2)), (0.0, 8 * 2.0**-11), (1e-4, 8 * 2.0**-11), (math.inf, 8 * 2.0**-11)],
)
def test_lowering_may_add_half_the_noise_or_what_storage_rounds(loss: float, allowed: float) -> None:
    error = Error(relative_l2=loss)
    assert lowering_bound(error, 2.0**-11) == pytest.approx(allowed, rel=0.01)


def test_a_tolerance_bounds_quantized_outputs_too(table: CalibrationTable, images: dict[str, Array]) -> None:
    case = Case(DIGITS, import_model(DIGITS), images)
    report = check(case, eight_bits("int8", table), "host", tolerance=1e-3)
    assert not report.ok and not report.outputs[0].ok and report.outputs[0].bound == 1e-3
    assert report.quantization is not None and report.quantization.compiler[0].ok


def test_a_model_that_is_quantized_itself_loses_nothing_more(tmp_path: Path) -> None:
    """Its outputs are held to a bound against ONNX Runtime, which rounds as the model says."""
    model = quantized(small_network(), tmp_path, "qdq")
    x = {"x": np.random.default_rng(4).standard_normal((2, 3, 32, 32), np.float32)}
    report = check(Case(model, import_model(model), x), settings(), "host")
    assert report.ok and report.quantization is not None and report.witness.name == "ONNX Runtime"
    assert {output.bound for output in (*report.outputs, *report.rewrites)} == {64 * 2.0**-11}
    assert all(loss.sqnr > 40 for loss in report.quantization.loss)
    # The explicit graph is the model as it was imported.
    assert not report.quantization.chosen and report.quantization.ok
    assert {lowering.bound for lowering in report.quantization.lowering} == {64 * 2.0**-11}


def test_a_fault_of_a_pass_on_a_model_that_is_quantized_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = quantized(small_network(), tmp_path, "qdq")
    x = {"x": np.random.default_rng(4).standard_normal((2, 3, 32, 32), np.float32)}
    scale_of_sums(1.2, monkeypatch)
    report = check(Case(model, import_model(model), x), settings(), "host")
    assert not report.ok and report.quantization is not None
    assert not any(lowering.ok for lowering in report.quantization.lowering)
    assert all(each.ok for each in report.quantization.compiler)
    assert all(loss.sqnr > 40 for loss in report.quantization.loss)


def test_what_is_not_quantized_has_no_such_tables(images: dict[str, Array]) -> None:
    report = check(Case(DIGITS, import_model(DIGITS), images), settings("fp16"), "host")
    assert report.quantization is None and report.outputs[0].bound == 64 * 2.0**-11
