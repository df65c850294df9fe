"""Builds: targets by name, where a module enters, and what ends a build before it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.calibration.calibrate import calibrate
from glassrt.compiler.driver import build as driver
from glassrt.compiler.driver.build import (
    Settings,
    brought_to,
    build,
    chosen_targets,
    context_of,
    launch_level,
    present_arch,
)
from glassrt.compiler.frontend.source import level_of
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.errors import CalibrationError, InputError, UnsupportedError
from glassrt.runtime.engine import Engine
from glassrt.testing.net import Net

from ..calibration.small import batches, network
from .targeted import A100, H200

HOST_ONLY = Settings(cache=None)
SHIFT = np.array([0.5, -1, 2, 0], np.float32)


def sums() -> Module:
    """y = relu(x + w)."""
    net = Net()
    x = net.input("x", net.symbol("N", 1, 4, 16), 4)
    return net.done(net.add(Relu, net.add(Add, x, net.const(SHIFT))))


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("target", "present", "chosen"),
    [
        (None, None, ()),
        (None, A100, (A100,)),
        ("host", A100, ()),
        ("sm_90a", None, (H200,)),
        (["sm_80", "host", "sm_80"], None, (A100,)),
    ],
)
def test_targets_are_chosen_by_name(target: Any, present: Any, chosen: Any) -> None:
    assert chosen_targets(target, present) == chosen


@pytest.mark.parametrize("target", [[], 90, ["sm_90a", 80], ""])
def test_what_names_no_target(target: Any) -> None:
    with pytest.raises((InputError, UnsupportedError)):
        chosen_targets(target, None)


def test_a_plan_has_one_part_for_an_architecture() -> None:
    assert chosen_targets(["sm_90a", "sm_90a:h200", "host"], None) == (H200,)
    with pytest.raises(InputError, match="not one for H200 and H100 PCIe"):
        chosen_targets(["sm_90a", "sm_90a:h100-pcie"], None)


def test_a_machine_without_a_gpu_has_no_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "present_figures", lambda: None)
    assert present_arch() is None


def test_kernels_are_chosen_for_the_reference_where_there_is_no_target() -> None:
    assert HOST_ONLY.planned == (REFERENCE,) and replace(HOST_ONLY, targets=(A100,)).planned == (A100,)


# ---------------------------------------------------------------- levels


@pytest.mark.parametrize("level", LEVELS)
def test_a_module_enters_at_its_own_level(level: str) -> None:
    """Levels above have no text, and what comes out is the same."""
    whole = build(sums(), HOST_ONLY).plan
    module = brought_to(level, sums(), HOST_ONLY, context_of(HOST_ONLY))
    assert level_of(module) == level and print_module(module) == whole.ir(level)
    plan = build(module, HOST_ONLY).plan
    above = LEVELS[: LEVELS.index(level)]
    assert all(plan.ir(each) == "" for each in above)
    assert plan.ir("launch") == whole.ir("launch") and plan.sources == whole.sources
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    with Engine(plan, "host") as engine:
        np.testing.assert_array_equal(engine.run({"x": x})["y"], np.maximum(x + SHIFT, 0))


def test_a_module_is_not_raised_again() -> None:
    lowered = launch_level(sums(), HOST_ONLY, context_of(HOST_ONLY))
    with pytest.raises(InputError, match="the module is at the launch level; fused lies above it"):
        brought_to("fused", lowered, HOST_ONLY, context_of(HOST_ONLY))


def test_stages_are_timed_in_order() -> None:
    seen: list[str] = []
    found = build(sums(), replace(HOST_ONLY, progress=lambda stage, done, total: seen.append(stage)))
    assert list(found.seconds)[:5] == ["import", *LEVELS]
    assert list(dict.fromkeys(seen))[:5] == ["import", *LEVELS]


# ---------------------------------------------------------------- settings


def test_decisions_from_before_are_first_in_the_ledger() -> None:
    record = Record("precision-mixture", (), (), Verdict.TAKEN, "a search did it")
    plan = build(sums(), replace(HOST_ONLY, decided=(record,))).plan
    decisions = [each for each in plan.ledger if "verdict" in each]
    assert decisions[0] == record.to_json()


def test_rules_that_do_not_exist_cannot_be_switched_off() -> None:
    with pytest.raises(InputError, match="loop-elementwis"):
        Settings(disabled=frozenset({"loop-elementwis"}))


def test_scales_of_another_model_are_refused() -> None:
    table = calibrate(network(), batches(), device="interpret")
    own = replace(HOST_ONLY, precision=as_policy("int8"), calibration=table)
    context = context_of(own)
    assert context.clips == {name: tensor.clip for name, tensor in table.tensors.items()}
    with pytest.raises(CalibrationError, match="another model"):
        build(sums(), own)
    assert context_of(HOST_ONLY).clips is None


def test_a_kernel_that_nests_too_deeply_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def recurse(*_: Any) -> None:
        raise RecursionError

    monkeypatch.setattr(driver, "parted_for", recurse)
    with pytest.raises(UnsupportedError, match="nest too deeply"):
        build(sums(), HOST_ONLY)


def test_text_comes_back_as_it_was(tmp_path: Any) -> None:
    own = replace(HOST_ONLY, dump_dir=tmp_path)
    plan = build(sums(), own).plan
    last = sorted(path for path in tmp_path.glob("*.ir"))[-1]
    assert last.read_text(encoding="utf-8") == f"// weights: model.weights\n{plan.ir('launch')}"
    assert print_module(parse_module(plan.ir("fused"), ALL_DIALECTS)) == plan.ir("fused")
