"""Bound calls and several contexts on a real GPU: what the fake driver cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cuda.bindings import driver
from glassrt.runtime import Engine, load
from glassrt.runtime.cuda import process_driver
from glassrt.runtime.cuda_device import CudaDevice

from .test_gpu import Resident, batch, compiled
from .tiny_plans import ADD, DOUBLE, affine, affine_plan

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with load(compiled(affine_plan, {"k0_double": DOUBLE, "k1_add": ADD}), "cuda") as engine:
        yield engine


class Stream:
    """A stream of the caller's, with the calls on it that these tests need."""

    def __init__(self) -> None:
        self._device = CudaDevice(process_driver(), 0)
        with self._device.current():
            self._handle = self._device.create("cuStreamDestroy", "cuStreamCreate", 1)

    def __int__(self) -> int:
        return int(self._handle)

    def call(self, function: str, *arguments: Any) -> Any:
        with self._device.current():
            return self._device.driver.call(function, *arguments)


def test_launches_on_streams_of_all_kinds(engine: Engine) -> None:
    x = batch(8)
    binding, stream = engine.context().bind({"x": Resident(x)}), Stream()
    for each in (None, stream, int(stream), driver.CUstream(int(stream)), 0, None):
        for _ in range(3):
            binding.launch(each)
        binding.wait()
        np.testing.assert_array_equal(binding.outputs["y"].numpy(), affine(x))


def test_a_launch_is_captured_into_the_graph_of_the_caller(engine: Engine) -> None:
    x = batch(8)
    binding, stream = engine.context().bind({"x": Resident(x)}), Stream()
    for mode in driver.CUstreamCaptureMode:
        stream.call("cuStreamBeginCapture", int(stream), mode)
        binding.launch(stream)
        binding.launch(stream)
        graph = stream.call("cuStreamEndCapture", int(stream))
        executable = stream.call("cuGraphInstantiate", graph, 0)
        stream.call("cuGraphLaunch", executable, int(stream))
        stream.call("cuStreamSynchronize", int(stream))
        np.testing.assert_array_equal(binding.outputs["y"].numpy(), affine(x))
        stream.call("cuGraphExecDestroy", executable)
        stream.call("cuGraphDestroy", graph)


def test_contexts_do_not_disturb_each_other(engine: Engine) -> None:
    inputs = [batch(8) + index for index in range(4)]
    bindings = [engine.context().bind({"x": Resident(x)}) for x in inputs]
    for _ in range(50):
        for binding in bindings:
            binding.launch()
    for x, binding in zip(inputs, bindings, strict=True):
        binding.wait()
        np.testing.assert_array_equal(binding.outputs["y"].numpy(), affine(x))


def test_runs_and_launches_of_one_context_take_turns(engine: Engine) -> None:
    context, x, other = engine.context(), batch(8), batch(32) + 7
    binding, stream = context.bind({"x": Resident(x)}), Stream()
    for _ in range(50):
        binding.launch(stream)
        np.testing.assert_array_equal(context.run({"x": other}, reuse=True)["y"], affine(other))
    binding.wait()
    np.testing.assert_array_equal(binding.outputs["y"].numpy(), affine(x))
