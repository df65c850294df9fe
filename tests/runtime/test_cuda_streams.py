"""Streams of other libraries, by their handles."""

from __future__ import annotations

from typing import Any

import pytest
from cuda.bindings import driver
from glassrt.errors import InputError
from glassrt.runtime.cuda_device import CudaDevice
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.cuda_streams import StreamWaits, stream_handle

from .fake_driver import FakeDriver


class Torch:
    cuda_stream = 77


class CuPy:
    ptr = 78


class Protocol:
    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, 79


class Raising:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")


def test_streams_of_all_kinds_have_handles() -> None:
    streams = (5, 0, Torch(), CuPy(), Protocol(), driver.CUstream(80))
    assert [stream_handle(stream) for stream in streams] == [5, 0, 77, 78, 79, 80]


@pytest.mark.parametrize(
    "stream", [-1, 1 << 64, True, 1.5, "0", object(), Raising()], ids=lambda stream: type(stream).__name__
)
def test_what_is_no_stream_is_refused(stream: object) -> None:
    with pytest.raises(InputError, match="is not a CUDA stream"):
        stream_handle(stream)


def test_order_takes_one_event(fake: FakeDriver) -> None:
    order = StreamWaits(CudaDevice(Driver(fake), 0))
    order.follow(1, 2)
    order.follow(2, 3)
    assert fake.log.count("cuEventCreate") == 1 and fake.log.count("cuStreamWaitEvent") == 2
    order.close()
    assert "event" not in fake.live.values()
