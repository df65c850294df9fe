"""A signal ends a launch on the host within a second, wherever its threads are, and does no harm."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.runtime.host import HostModule
from glassrt.runtime.host_arguments import HostScalar

# Every thread takes a millisecond or so for 250,000 turns; `meet` has them wait for each other in between.
KERNELS = """
#include "glass.cuh"
using namespace glass;
GLASS_KERNEL(256, 1) slow(Input<f32> x, Output<f32> y, const int turns) {
    f32 sum = load(x, thread_x());
    for (int turn = 0; turn < turns; ++turn) sum = sum * 0.5f + 1.0f;
    store(y, thread_x(), sum);
}
GLASS_KERNEL(256, 1) meet(Input<f32> x, Output<f32> y, const int turns) {
    f32 sum = load(x, thread_x());
    for (int turn = 0; turn < turns; ++turn) {
        sum = sum * 0.5f + 1.0f;
        sync_threads();
    }
    store(y, thread_x(), sum);
}
"""
X = np.ones(256, np.float32)
FOREVER: dict[str, tuple[str, int, int, int]] = {  # kernel, blocks, threads, turns
    "many blocks": ("slow", 1_000_000, 32, 250_000),
    "many threads of one block": ("slow", 1, 256, 100_000_000),
    "one block that meets": ("meet", 1, 256, 1_000_000_000),
    "blocks that meet": ("meet", 100_000, 64, 1_000_000),
}


class Interrupted(BaseException):
    """What the handler of the signal raises."""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> HostModule:
    return HostModule({"kernels": KERNELS}, headers(), tmp_path_factory.mktemp("host"), workers=4)


def launch(
    module: HostModule, kernel: str, blocks: int, threads: int, turns: int, **order: Any
) -> np.ndarray[Any, Any]:
    y = np.zeros(256, np.float32)
    arguments = [X, y, HostScalar("i32", turns)]
    module.launch(kernel, (blocks, 1, 1), (threads, 1, 1), (1, 1, 1), 0, arguments, **order)
    return y


@pytest.fixture
def alarm() -> Iterator[None]:
    """A signal in 0.2 seconds."""

    def handler(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("order", ["forward", "reverse"])
@pytest.mark.parametrize("name", FOREVER)
def test_a_signal_ends_a_launch(module: HostModule, alarm: None, name: str, order: Any) -> None:
    begin = time.monotonic()
    with pytest.raises(Interrupted):
        launch(module, *FOREVER[name], order=order)
    assert time.monotonic() - begin < 1.5
    # The workers that were left in the middle of a block are used again.
    for kernel in ("slow", "meet"):
        np.testing.assert_array_equal(launch(module, kernel, 3, 256, 1), X * 0.5 + 1)


def test_a_launch_that_comes_back_goes_on(module: HostModule) -> None:
    """Longer than a time slice, in the calling thread and in others, while a handler runs another launch."""
    seen = []

    def handler(_number: int, _frame: FrameType | None) -> None:
        seen.append(launch(module, "meet", 2, 256, 3))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        begin = time.monotonic()
        y = launch(module, "meet", 8, 256, 12_000)
        spent = time.monotonic() - begin
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert spent > 0.15 and seen
    np.testing.assert_array_equal(y, np.full(256, 2, np.float32))
    for found in seen:
        np.testing.assert_array_equal(found, np.full(256, 1.875, np.float32))
