"""Devices by their names."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.errors import DeviceError
from glassrt.runtime import Plan, discovery, load
from glassrt.runtime.discovery import present_driver

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
