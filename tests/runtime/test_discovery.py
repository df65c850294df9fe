"""Devices by their names."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import pytest
from glassrt.errors import DeviceError
from glassrt.runtime import Plan, discovery, load
from glassrt.runtime.cuda import choose_target
from glassrt.runtime.discovery import default_device, present_driver

from .tiny_plans import affine_plan, real_headers


def test_a_plan_without_cubins_goes_to_the_host_by_default() -> None:
    def no_targets(manifest: dict[str, Any]) -> None:
        manifest["targets"] = []

    engine = load(affine_plan(no_targets, headers=real_headers()))
    assert engine.device == "host"


@pytest.mark.parametrize("device", ["tpu", "cuda:", "cuda:x", "host:1", ""])
def test_unknown_devices(host_plan: Plan, device: str) -> None:
    with pytest.raises(DeviceError, match="there is no device"):
        load(host_plan, device)


def test_without_a_gpu_there_is_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "cuda_devices", lambda: 0)
    assert present_driver() is None


class Cuda:
    """The CUDA device's module on a machine with COUNT GPUs of a compute capability; None for no driver."""

    def __init__(self, count: int | None, capability: tuple[int, int] = (9, 0)) -> None:
        self._count, self._capability = count, capability

    def device_count(self) -> int:
        if self._count is None:
            raise DeviceError("the CUDA driver cannot be loaded")
        return self._count

    def check_targets(self, targets: Sequence[str], ordinal: int) -> None:
        choose_target(targets, self._capability)


@pytest.mark.parametrize(
    ("machine", "targets", "device", "why"),
    [
        (Cuda(1), ["sm_90a"], "cuda", ""),
        (Cuda(1), ["sm_80", "sm_90"], "cuda", ""),
        (Cuda(1), ["sm_80"], "host", "the plan was built for 'sm_80'; the GPU is sm_90"),
        (Cuda(1), [], "host", "the plan has code for the host alone"),
        (Cuda(0), ["sm_90a"], "host", "there is no GPU that this process may use"),
        (
            Cuda(None),
            ["sm_90a"],
            "host",
            "there is no GPU that can be used: the CUDA driver cannot be loaded",
        ),
    ],
)
def test_where_a_plan_runs_by_default_and_why(
    monkeypatch: pytest.MonkeyPatch, machine: Cuda, targets: list[str], device: str, why: str
) -> None:
    monkeypatch.setattr(discovery, "_cuda_module", lambda: machine)
    plan = namedtuple("Plan", "targets")(tuple(targets))
    found = default_device(plan)  # type: ignore[arg-type]
    assert (found.device, found.why) == (device, why)
    assert found.passed_over == (machine._count == 1 and device == "host" and targets != [])


def test_a_gpu_without_code_is_passed_over_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, host_plan: Plan
) -> None:
    monkeypatch.setattr(discovery, "_cuda_module", lambda: Cuda(1, (7, 0)))
    with pytest.warns(UserWarning, match="the plan runs on the host, which is slow: the plan was built for"):
        engine = load(host_plan)
    assert engine.device == "host" and engine.why.endswith("the GPU is sm_70")
    assert load(host_plan, "host").why == ""
