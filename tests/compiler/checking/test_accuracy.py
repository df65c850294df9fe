"""The accuracy of every launch: sound plans pass, a planted fault is named by its own kernel alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from glassrt.compiler.checking.accuracy import AccuracyObserver, LaunchReport
from glassrt.compiler.checking.check import Case, check
from glassrt.compiler.checking.measures import roundoff
from glassrt.compiler.driver.build import build
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.module import Module
from glassrt.errors import PlanError
from glassrt.runtime import Engine, Plan

from .small import built, images, measured, parsed, settings

MakeModule = Callable[[], Module]

# By the op that a launch stands for: a piece of its source, and what it is made into.
FAULTS = {
    "copy": (r"(store\(y0, element, )(\w+)\)", r"\1\2 + 1.0f)"),
    "conv": (r"(const f32 add_\d+ = [^;\n]*?) \+ ", r"\1 - "),
    "softmax": (r"(= \w+) / (\w+;\s+store)", r"\1 * \2"),
    "transpose": (r"(const f32 add_\d+ = [^;\n]*?) \+ ", r"\1 - "),
}


def with_fault(plan: Plan, op: str) -> tuple[Plan, str]:
    """PLAN with the kernel of OP changed, and that kernel's name."""
    (launch,) = [launch for launch in plan.spec.launches if launch.op.startswith(op)]
    before, after = FAULTS[op]
    source, changes = re.subn(before, after, plan.sources[launch.kernel], count=1)
    assert changes == 1
    return replace(plan, sources={**plan.sources, launch.kernel: source}), launch.kernel


def within(report: LaunchReport) -> bool:
    return report.excess(None) <= 1


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_a_sound_plan_is_within_its_bounds(small: MakeModule, precision: str) -> None:
    plan, graph = built(small(), precision)
    reports = measured(plan, graph, images())
    assert [report.kernel for report in reports] == [launch.kernel for launch in plan.spec.launches]
    assert all(within(report) for report in reports)
    unit = {"fp32": 2.0**-24, "fp16": 2.0**-11, "bf16": 2.0**-8}[precision]
    assert all(report.total is not None and report.total < 8 * unit for report in reports)
    assert all(report.inherited < 8 * unit for report in reports)
    if precision == "fp32":
        assert any(0 < report.local.relative_l2 < 1e-6 for report in reports)


@pytest.mark.parametrize("op", FAULTS)
def test_a_fault_in_a_kernel_is_named_by_it_alone(small: MakeModule, op: str) -> None:
    plan, graph = built(small())
    broken, kernel = with_fault(plan, op)
    reports = measured(broken, graph, images())
    at = next(report.index for report in reports if report.kernel == kernel)
    assert max(reports, key=lambda report: report.excess(None)).kernel == kernel
    assert [report.kernel for report in reports if not within(report)] == [kernel]
    fault = reports[at]
    assert fault.total is not None and fault.total > 1e-3 and fault.inherited < 1e-6
    for later in reports[at + 1 :]:  # every later launch reads what the fault has spoilt
        assert later.inherited > 1e-4 and later.total is not None and later.total > 1e-4
        assert later.local.relative_l2 < 1e-6


def test_measuring_changes_no_bit(small: MakeModule) -> None:
    plan, graph = built(small(), "fp16")
    inputs = images(3)
    with Engine(plan, "host") as engine:
        observer = AccuracyObserver(plan, inputs, {"N": 3}, graph)
        traced = engine.trace(inputs, observer)
        assert traced["y"].tobytes() == engine.run(inputs)["y"].tobytes()
    assert len(observer.reports) == len(plan.spec.launches)


def test_without_the_graph_the_totals_are_unknown(small: MakeModule) -> None:
    plan, _ = built(small())
    reports = measured(plan, None, images())
    assert all(report.total is None and within(report) for report in reports)


def test_the_range_of_a_short_type_is_watched(small: MakeModule) -> None:
    plan, graph = built(small(), "fp16")
    (copy, *_, last) = measured(plan, graph, images(1, scale=1e5))
    assert copy.stored is F16 and copy.range.overflows > 0
    assert last.stored is F32 and last.range.overflows == 0
    (copy, *_) = measured(plan, graph, images(1, scale=1e-6))
    assert copy.range.subnormals > 0 and copy.range.overflows == 0


def test_a_tensor_that_overflows_where_it_should_is_no_fault(small: MakeModule) -> None:
    plan, graph = built(small(), "fp16")
    copy, *_ = measured(plan, graph, images(1, scale=1e5))
    assert within(copy) and copy.local.max_abs == 0
    assert copy.total == np.inf


def test_a_launch_level_that_is_not_the_plans_is_refused(small: MakeModule) -> None:
    plan, graph = built(small())
    odd = replace(plan, levels={**plan.levels, "launch": plan.levels["graph"]})
    with pytest.raises(PlanError, match="manifest's launches"):
        measured(odd, graph, images())


def test_the_whole_check(small: MakeModule) -> None:
    module = small()
    report = check(Case(module, module, images()), settings(), "host")
    assert report.ok and report.device == "host" and report.symbols == {"N": 2}
    assert report.witness.name == "the interpreter" and "not in ONNX" in report.witness.note
    excess = [launch.excess(None) for launch in report.launches]
    assert excess == sorted(excess, reverse=True)
    assert [(output.name, output.bound) for output in report.outputs] == [("y", 256 * roundoff(F32))]
    assert [output.error.relative_l2 for output in report.rewrites] == [0]


def test_a_tolerance_takes_the_place_of_all_bounds(small: MakeModule) -> None:
    module = small()
    report = check(Case(module, module, images()), settings(), "host", tolerance=1e-12)
    assert not report.ok and not all(output.ok for output in report.outputs)
    assert not all(map(report.fits, report.launches))


REPEATED = """module @repeated {
  func @main(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>) {inputs = ["x"], outputs = ["y"]} {
    %1 = graph.softmax %x {axis = 1} : tensor<4x8xf32> loc("block")
    %2 = graph.softmax %1 {axis = 1} : tensor<4x8xf32> loc("block")
    %3 = graph.softmax %2 {axis = 1} : tensor<4x8xf32> loc("block")
    core.return %3
  }
}
"""


def test_ops_of_one_name_are_told_apart_by_what_they_read() -> None:
    plan = build(module := parsed(REPEATED), replace(settings(), options=_alone())).plan
    graph = parsed(plan.ir("graph"))
    x = {"x": np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)}
    with Engine(plan, "host") as engine:
        observer = AccuracyObserver(plan, x, {}, graph)
        engine.trace(x, observer)
    assert module.name == "repeated" and len(observer.reports) == 3
    assert all(report.total is not None and report.total < 1e-6 for report in observer.reports)


def _alone():
    """One op a kernel."""
    return replace(settings().options, kernel_ops=1)


STORED = """module @stored {
  func @main(%x: tensor<4x64xf32>) -> (tensor<4x64xf32>) {inputs = ["x"], outputs = ["y"]} {
    %s = graph.constant {value = dense<f32: 1.0>} : tensor<f32>
    %1 = graph.quantize %x, %s {to = f8e4m3} : tensor<4x64xf8e4m3> loc("store")
    %2 = graph.dequantize %1, %s {to = f32} : tensor<4x64xf32> loc("read")
    core.return %2
  }
}
"""


def test_without_roundings_8_bit_floats_are_not_rounded_to_whole_numbers() -> None:
    """What storing costs is measured against numbers that no step rounds."""
    x = {"x": np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)}
    plan = build(parsed(STORED), settings()).plan
    with Engine(plan, "host") as engine:
        observer = AccuracyObserver(plan, x, {}, parsed(plan.ir("graph")))
        engine.trace(x, observer)
    (report,) = observer.reports
    assert report.local.max_abs == 0
    for cost in (report.unrounded.relative_l2, report.total):
        assert cost is not None and 0.01 < cost < 0.04


CENTRED = """module @centred {
  func @main(%x: tensor<4x64xf32>) -> (tensor<4x1xf32>) {inputs = ["x"], outputs = ["y"]} {
    %1 = graph.reduce %x {kind = "KIND", axes = [1], keepdims = true} : tensor<4x1xf32> loc("reduce")
    %2 = graph.tanh %1 : tensor<4x1xf32> loc("tanh")
    core.return %2
  }
}
"""


@pytest.mark.parametrize("kind", ["sum", "mean"])
def test_what_is_left_of_terms_that_cancel_has_the_error_of_the_terms(kind: str) -> None:
    """The elements of a centred row sum up to no more than their roundings."""
    x = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
    plan, graph = built(parsed(CENTRED.replace("KIND", kind)))
    (report,) = measured(plan, graph, {"x": x - x.mean(axis=1, keepdims=True)})
    assert report.local.relative_l2 > 1e-3 and within(report)
    assert report.allowed < 1e-4
