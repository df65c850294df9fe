"""`glassrt.compile`: how what is asked for becomes the settings of a build."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import glassrt
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.compiler import api, building, order
from glassrt.compiler.calibration.calibrate import calibrate
from glassrt.compiler.driver.build import Build, Settings
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.source import InputShapes, Shapes, Source
from glassrt.compiler.precision.scales.table import CalibrationTable
from glassrt.compiler.search.tuning.tactics import TacticsRequest, WithTactics
from glassrt.compiler.search.tuning.tune import Tuning
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.errors import InputError
from glassrt.runtime.plan import Plan

from .calibration.small import batches, network

H200 = arch_named("sm_90a")
Asked = tuple[Settings, InputShapes | None, Shapes | None]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What builds are asked for, in place of the builds."""
    found: list[Asked] = []

    def build(source: Source, settings: Settings, inputs: Any = None, shapes: Any = None) -> Build:
        found.append((settings, inputs, shapes))
        return Build(Plan.__new__(Plan), {})

    monkeypatch.setattr(building, "build", build)
    return found


@pytest.mark.parametrize(
    ("target", "present", "chosen"),
    [
        (None, None, ()),
        (None, H200, (H200,)),
        ("host", H200, ()),
        ("sm_80", H200, (arch_named("sm_80"),)),
        (["sm_80", "host", "sm_90a"], None, (arch_named("sm_80"), H200)),
    ],
)
def test_the_target_is_this_machines_gpu_unless_one_is_named(
    asked: list[Asked],
    monkeypatch: pytest.MonkeyPatch,
    target: Any,
    present: ArchSpec | None,
    chosen: tuple[ArchSpec, ...],
) -> None:
    monkeypatch.setattr(order, "present_arch", lambda: present)
    glassrt.compile(network(), target=target)
    ((settings, _, _),) = asked
    assert settings.targets == chosen


def test_the_rest_is_passed_on(asked: list[Asked]) -> None:
    def progress(stage: str, done: int, total: int) -> None:
        raise AssertionError

    policy = glassrt.PrecisionPolicy("bf16", io="bf16")
    shapes, inputs = {"N": (1, 2, 3)}, {"x": ["N", 4]}
    glassrt.compile(
        network(),
        target="host",
        precision=policy,
        shapes=shapes,
        inputs=inputs,
        cache=False,
        progress=progress,
    )
    glassrt.compile(network(), target="host")
    (first, *given), (second, *_) = asked
    assert given == [inputs, shapes] and first.precision == policy
    assert first.cache is None and first.progress is progress
    assert second.precision.name == "fp32" and second.cache is not None and second.calibration is None


def test_tactics_are_measured_or_read_and_passed_on(
    asked: list[Asked], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    requests: list[TacticsRequest] = []

    def fake(model: Source, settings: Settings, request: TacticsRequest, *others: object) -> WithTactics:
        requests.append(request)
        return WithTactics(model, replace(settings, tactics={"sm_90a": {}}), notes=("a note",))

    monkeypatch.setattr(building, "with_tactics", fake)
    with pytest.warns(UserWarning, match="a note"):
        glassrt.compile(network(), target="host", tune=4, tune_seconds=9.0, lock=tmp_path / "net.lock")
    with pytest.warns(UserWarning, match="a note"):
        glassrt.compile(network(), target="host", lock=tmp_path / "net.lock")
    glassrt.compile(network(), target="host")
    assert requests == [
        TacticsRequest(Tuning(4, 9.0), tmp_path / "net.lock"),
        TacticsRequest(None, tmp_path / "net.lock"),
    ]
    assert [dict(settings.tactics) for settings, _, _ in asked] == [{"sm_90a": {}}, {"sm_90a": {}}, {}]


def test_scales_that_nothing_would_use_are_refused(asked: list[Asked]) -> None:
    with pytest.raises(InputError, match="calibration is for int8 and fp8, not for fp16"):
        glassrt.compile(network(), target="host", precision="fp16", calibration=batches())
    assert asked == []


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Source, Any]]:
    """The models and batches that were calibrated, all with the same scales."""
    found: list[tuple[Source, Any]] = []

    def fake(model: Source, batches: Any, **others: Any) -> CalibrationTable:
        found.append((model, batches))
        return TABLE

    monkeypatch.setattr(api, "calibrate", fake)
    return found


TABLE = calibrate(network(), batches(), device="interpret")


def test_scales_are_a_table_its_path_or_batches(
    asked: list[Asked], calibrated: list[tuple[Source, Any]], tmp_path: Path
) -> None:
    TABLE.save(tmp_path / "net.table")
    (tmp_path / "folder").mkdir()
    data = [batches(), tmp_path / "data.npz", tmp_path / "folder"]
    for given in (TABLE, tmp_path / "net.table", str(tmp_path / "net.table"), *data):
        glassrt.compile(network(), target="host", precision="int8", calibration=given)
    scales = [settings.calibration for settings, _, _ in asked]
    assert scales[0] is TABLE and all(each == TABLE for each in scales)
    assert [repr(given) for _, given in calibrated] == [repr(given) for given in data]


def test_calibration_leaves_the_module_for_the_build(
    asked: list[Asked], calibrated: list[tuple[Source, Any]]
) -> None:
    module = import_model(network())
    glassrt.compile(module, target="host", precision="int8", calibration=batches())
    ((copy, _),) = calibrated
    assert isinstance(copy, Module) and copy is not module and print_module(copy) == print_module(module)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"device": "host"}, "device is for precision='auto'"),
        ({"precision": "fp16", "labels": [1]}, "labels is for precision='auto'"),
        ({"precision": glassrt.PrecisionPolicy("fp16"), "data": []}, "data is for precision='auto'"),
        ({"precision": glassrt.PrecisionPolicy("fp16"), "budget": "sqnr=30"}, "needs data"),
        ({"precision": "auto", "data": []}, "needs budget"),
    ],
)
def test_half_of_a_search_is_refused(asked: list[Asked], arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        glassrt.compile(network(), target="host", **arguments)
    assert asked == []
