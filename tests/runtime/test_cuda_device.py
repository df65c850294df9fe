"""A GPU as a device: its target, its driver, and the code that it can run."""

from __future__ import annotations

import pytest
from glassrt.errors import DeviceError
from glassrt.runtime import Engine, Plan
from glassrt.runtime.cuda import choose_target, device_target, open_backend
from glassrt.runtime.cuda_driver import Driver

from .fake_driver import FakeDriver
from .tiny_engines import engine_on


@pytest.mark.parametrize(
    ("targets", "capability", "chosen"),
    [
        (["sm_90a"], (9, 0), "sm_90a"),
        (["sm_90", "sm_90a"], (9, 0), "sm_90a"),
        (["sm_80", "sm_86"], (8, 9), "sm_86"),
        (["sm_86", "sm_80"], (8, 0), "sm_80"),
        (["sm_100", "sm_100f"], (10, 3), "sm_100f"),
        (["sm_100a", "sm_100"], (10, 3), "sm_100"),
        (["sm_120"], (12, 1), "sm_120"),
        (["sm_90a"], (9, 1), None),
        (["sm_90a"], (10, 0), None),
        (["sm_86"], (8, 0), None),
        (["sm_80"], (9, 0), None),
        ([], (9, 0), None),
    ],
)
def test_targets_for_a_gpu(targets: list[str], capability: tuple[int, int], chosen: str | None) -> None:
    if chosen is not None:
        assert choose_target(targets, capability) == chosen
        return
    with pytest.raises(DeviceError, match=f"the GPU is sm_{capability[0]}{capability[1]}") as caught:
        choose_target(targets, capability)
    assert "build it again with target=" in str(caught.value)


@pytest.mark.parametrize(
    ("capability", "target"), [((8, 6), "sm_86"), ((9, 0), "sm_90a"), ((12, 0), "sm_120a")]
)
def test_the_target_of_a_gpu(fake: FakeDriver, capability: tuple[int, int], target: str) -> None:
    fake.capability = capability
    assert device_target(0, Driver(fake)) == target
    assert not fake.live


def test_the_wrong_architecture_is_found_before_loading(fake: FakeDriver, plan: Plan) -> None:
    fake.capability = (8, 0)
    with pytest.raises(DeviceError, match=r"built for 'sm_90a'; the GPU is sm_80"):
        engine_on(fake, plan)
    assert "cuModuleLoadData" not in fake.log and "cuMemAlloc" not in fake.log


def test_an_old_driver_is_found_before_loading(fake: FakeDriver, plan: Plan) -> None:
    fake.version = 12040
    with pytest.raises(DeviceError, match=r"needs a driver for CUDA 13\.0 or newer.* is for CUDA 12\.4"):
        engine_on(fake, plan)
    assert "cuModuleLoadData" not in fake.log


def test_a_device_that_is_not_there(fake: FakeDriver, plan: Plan) -> None:
    with pytest.raises(DeviceError, match="there is no cuda:3: this machine has 1"):
        Engine(plan, open_backend(3, False, Driver(fake)))
