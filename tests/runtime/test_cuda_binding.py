"""Calls on CUDA whose tensors are fixed: launched again and again, on any stream, and into other graphs."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError, InputError
from glassrt.runtime import Binding, Engine, Plan

from .fake_driver import FakeDriver
from .tiny_control import CASES, INPUTS, control_plan
from .tiny_engines import GpuTensor, batch, contents, engine_on
from .tiny_plans import affine, counting_plan

USERS = 5000  # a stream of somebody else


def bound(engine: Engine, x: GpuTensor, y: GpuTensor) -> Binding:
    return engine.context().bind({"x": x}, {"y": y})


def zeros(size: int) -> GpuTensor:
    return GpuTensor(np.zeros((size, 4), np.float32))


@pytest.mark.parametrize("debug", [False, True])
def test_every_launch_reads_the_inputs_anew(fake: FakeDriver, plan: Plan, debug: bool) -> None:
    x, y = GpuTensor(batch(4)), zeros(4)
    binding = bound(engine_on(fake, plan, debug), x, y)
    assert binding.outputs == {"y": y}
    for round in range(3):
        x.array[...] = batch(4) + round
        binding.launch(USERS if round else None)
        binding.wait()
        np.testing.assert_array_equal(y.array, affine(batch(4) + round))


def test_a_launch_is_one_call_besides_the_question_for_the_context(fake: FakeDriver, plan: Plan) -> None:
    """And two where the stream is the caller's: it may be captured."""
    binding = bound(engine_on(fake, plan), GpuTensor(batch(4)), zeros(4))
    fake.enter_context()
    for stream, calls in ((None, ["cuGraphLaunch"]), (USERS, ["cuStreamIsCapturing", "cuGraphLaunch"])):
        binding.launch(stream)
        start = len(fake.log)
        binding.launch(stream)
        assert fake.log[start:] == ["cuCtxGetCurrent", *calls]


def test_results_that_are_made_stay_with_the_binding(fake: FakeDriver, plan: Plan) -> None:
    x = GpuTensor(batch(4))
    binding = engine_on(fake, plan).context().bind({"x": x})
    binding.launch()
    binding.wait()
    np.testing.assert_array_equal(contents(binding.outputs["y"]), affine(x.array))


class Foreign:
    """A stream of another library, of which the interface is ATTRIBUTE."""

    def __init__(self, attribute: str, value: Any) -> None:
        setattr(self, attribute, value)


def test_calls_of_a_context_wait_for_each_other_whatever_their_streams(fake: FakeDriver, plan: Plan) -> None:
    x, y = GpuTensor(batch(4)), zeros(4)
    context = engine_on(fake, plan).context()
    binding = context.bind({"x": x}, {"y": y})
    binding.launch()
    for stream in (USERS, Foreign("cuda_stream", USERS + 1)):
        start = len(fake.log)
        binding.launch(stream)
        assert {"cuEventRecord", "cuStreamWaitEvent"} <= set(fake.log[start:])
    start = len(fake.log)
    context.run({"x": batch(3)})
    assert {"cuEventRecord", "cuStreamWaitEvent"} <= set(fake.log[start:])


def test_a_captured_launch_is_kernels_in_the_graph_of_the_caller(fake: FakeDriver, plan: Plan) -> None:
    x, y = GpuTensor(batch(4)), zeros(4)
    binding = bound(engine_on(fake, plan), x, y)
    fake.enter_context()
    fake.do_cuStreamBeginCapture(USERS, None)
    binding.launch(USERS)
    graph = fake._objects[fake.do_cuStreamEndCapture(USERS)]
    assert [(node.name, node.overlap) for node in graph.nodes] == [("k0_double", False), ("k1_add", True)]
    assert not y.array.any()
    fake._replay(graph)
    np.testing.assert_array_equal(y.array, affine(x.array))


def test_a_plan_with_control_flow_is_bound_but_not_captured(fake: FakeDriver) -> None:
    x, n, p = INPUTS[0]
    inputs = {"x": GpuTensor(x), "n": GpuTensor(np.array(n)), "p": GpuTensor(np.array(p))}
    with engine_on(fake, control_plan(CASES["while"])) as engine:
        binding = engine.context().bind(inputs)
        binding.launch()
        binding.wait()
        wanted = engine.run(inputs)
        for name, result in wanted.items():
            np.testing.assert_array_equal(binding.outputs[name].numpy(), result.numpy())
        fake.enter_context()
        fake.do_cuStreamBeginCapture(USERS, None)
        with pytest.raises(DeviceError, match="cannot be captured"):
            binding.launch(USERS)


def test_conditions_cannot_be_read_back_in_a_launch(fake: FakeDriver) -> None:
    fake.conditional_nodes = False
    x, n, p = INPUTS[0]
    inputs = {"x": GpuTensor(x), "n": GpuTensor(np.array(n)), "p": GpuTensor(np.array(p))}
    with pytest.raises(DeviceError, match="cannot be bound"):
        engine_on(fake, control_plan(CASES["while"])).context().bind(inputs)


def unaligned() -> GpuTensor:
    tensor = GpuTensor(np.zeros(17, np.float32))
    tensor.array = tensor.array[1:].reshape(4, 4)
    return tensor


def test_what_would_have_to_be_copied_is_refused(fake: FakeDriver, plan: Plan) -> None:
    context = engine_on(fake, plan).context()
    x, y = GpuTensor(batch(4)), zeros(4)
    for inputs, outputs, message in (
        ({"x": unaligned()}, {"y": y}, "input 'x' begins at an address"),
        ({"x": x}, {"y": unaligned()}, "output 'y' begins at an address"),
        ({"x": batch(4)}, {"y": y}, "input 'x' is in host memory"),
        ({"x": x}, {"y": np.zeros((4, 4), np.float32)}, "output 'y' is in host memory"),
        ({"x": x}, {"y": zeros(3)}, "the tensor given for it"),
        ({"x": GpuTensor(batch(33))}, None, "outside its range"),
        ({"x": x}, {"y": x}, "overlap"),
    ):
        with pytest.raises(InputError, match=message):
            context.bind(inputs, outputs)


def test_a_failure_zeroes_the_counters_again(fake: FakeDriver) -> None:
    context = engine_on(fake, counting_plan(step=1)).context()
    binding = context.bind({})
    y = binding.outputs["y"]
    for wanted in (0, 1):
        binding.launch()
        binding.wait()
        assert int(y.numpy()) == wanted
    fake.fail_at = len(fake.log) + 2
    with pytest.raises(DeviceError):
        binding.launch()
    fake.enter_context()
    fake.do_cuStreamBeginCapture(USERS, None)
    with pytest.raises(DeviceError, match="left counters"):
        binding.launch(USERS)
    fake._capture.clear()
    binding.launch(USERS)
    assert int(y.numpy()) == 0


def test_a_binding_lives_with_its_tensors_and_dies_with_its_context(fake: FakeDriver, plan: Plan) -> None:
    context = engine_on(fake, plan).context()
    binding = context.bind({"x": GpuTensor(batch(4))})
    binding.launch(USERS)
    start = len(fake.log)
    context.close()
    assert fake.log[start:].count("cuStreamSynchronize") == 1
    with pytest.raises(DeviceError, match="closed"):
        binding.launch()
    assert "executable graph" not in fake.live.values()
    del binding, context
    gc.collect()
    assert not fake.live


def test_a_binding_that_is_dropped_waits_for_its_launches(fake: FakeDriver, plan: Plan) -> None:
    context = engine_on(fake, plan).context()
    binding = context.bind({"x": GpuTensor(batch(4))})
    binding.launch()
    start = len(fake.log)
    del binding
    assert "cuStreamSynchronize" in fake.log[start:]
    assert "executable graph" not in fake.live.values()
