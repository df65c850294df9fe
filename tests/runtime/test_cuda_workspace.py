"""What calls of one session share: they begin one after the other."""

from __future__ import annotations

import pytest
from glassrt.errors import DeviceError
from glassrt.runtime.cuda_device import CudaDevice
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.cuda_workspace import Workspace

from .fake_driver import FakeDriver
from .tiny_plans import counting_plan


def test_a_failed_call_leaves_no_trust_in_counters_and_nothing_under_way(fake: FakeDriver) -> None:
    space = Workspace(CudaDevice(Driver(fake), 0), counting_plan(1).spec)
    with pytest.raises(DeviceError), space.running():
        assert space.zeroed and space.under_way
        raise DeviceError("the call failed")
    assert not space.zeroed and not space.under_way
    with space.running():
        space.synchronize()
    assert fake.log.count("cuMemsetD8Async") == 2 and space.zeroed
    space.close()
    assert set(fake.live.values()) == {"context"}


def test_what_begins_on_another_stream_waits_for_the_one_before(fake: FakeDriver) -> None:
    device = CudaDevice(Driver(fake), 0)
    space = Workspace(device, counting_plan(0).spec)
    with device.current():
        for stream, waits in ((space.main, 0), (77, 1), (77, 0), (space.main, 1)):
            start = len(fake.log)
            space.begin(stream)
            assert fake.log[start:].count("cuStreamWaitEvent") == waits
        for stream in (space.main, 77):
            space.begin(77)
            space.synchronize()
            start = len(fake.log)
            space.begin(stream)
            assert fake.log[start:] == []  # everything has ended
