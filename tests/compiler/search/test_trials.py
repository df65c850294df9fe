"""Trials of mixtures: expected times by launch and by node, outputs by batch, and the data that is held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.kernels.members import nodes_by_launch
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.compiler.search.trials import HeldBatches, MixtureTrials, load_model, times_of
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Exp
from glassrt.dialects.launch import Kernel
from glassrt.errors import InputError
from glassrt.testing.net import Net
from onnx import numpy_helper

from .networks import batches, chain

FP32, FP16 = PrecisionPolicy("fp32"), PrecisionPolicy("fp16")
SETTINGS = Settings((REFERENCE,), cache=None)


def rows(count: int = 1) -> Module:
    """Softmax of COUNT inputs."""
    net = Net()
    return net.done(*(net.add(Softmax, net.input(f"x{at}", 64, 96), axis=1) for at in range(count)))


def test_times_of_launches_add_up_and_equal_kernels_take_the_same_time() -> None:
    apart = replace(SETTINGS, disabled=frozenset({GROUP_LAUNCHES}))
    once, twice = (MixtureTrials(rows(count), apart, []).times(FP32) for count in (1, 2))
    assert once.total > 0 and twice.total == pytest.approx(2 * once.total, abs=2e-3)
    assert set(twice.by_node) == {"softmax0", "softmax1"}
    assert twice.by_node["softmax0"] == pytest.approx(twice.by_node["softmax1"])


def test_nodes_of_one_launch_share_its_time_in_equal_parts() -> None:
    net = Net()
    x = net.input("x", 64, 96)
    module = launch_level(net.done(net.add(Exp, net.add(Exp, x))), SETTINGS, context_of(SETTINGS))
    kernels = [op for op in module.main.block if isinstance(op, Kernel)]
    assert nodes_by_launch(kernels) == [("exp0", "exp1")]
    times = times_of(module, REFERENCE)
    half = pytest.approx(times.total / 2, abs=1e-3)
    assert times.by_node == {"exp0": half, "exp1": half}


def test_a_policy_is_lowered_once_and_the_module_stays_as_it_was() -> None:
    module = load_model(chain(), None, None)
    ops = [op.name for op in module.main.block]
    trials = MixtureTrials(module, SETTINGS, [])
    halves = trials.times(FP16)
    assert trials.times(PrecisionPolicy("fp16")) is halves
    assert trials.times(FP32) is not halves
    assert [op.name for op in module.main.block] == ops


def test_outputs_are_those_of_numpy_for_every_batch_in_the_types_of_the_policy() -> None:
    model, data = chain(2), batches(3)
    trials = MixtureTrials(load_model(model, None, None), SETTINGS, data)
    first, second = (numpy_helper.to_array(each) for each in model.graph.initializer)
    wanted = [np.maximum(batch["x"] @ first, 0) @ second for batch in data]
    for policy, dtype, bound in ((FP32, np.float32, 1e-5), (replace(FP16, io="fp16"), np.float16, 1e-2)):
        found = [outputs["y"] for outputs in trials.outputs(policy)]
        assert [each.dtype for each in found] == [dtype] * 3
        for got, want in zip(found, wanted, strict=True):
            assert float(np.abs(got - want).max()) <= bound * float(np.abs(want).max())


def test_data_that_is_left_out_is_known() -> None:
    module, data = load_model(chain(), None, None), batches(3)
    for limit, count, partial in ((None, 3, False), (2, 2, True)):
        held = HeldBatches.of(data, module, limit)
        assert held.partial == partial
        assert [batch["x"].tobytes() for batch in held.batches] == [b["x"].tobytes() for b in data[:count]]
    with pytest.raises(InputError, match="at least one batch is needed, not 0"):
        HeldBatches.of(data, module, 0)


def test_a_module_is_copied_and_one_that_is_lowered_already_is_refused() -> None:
    module = rows()
    assert load_model(module, None, None) is not module
    lowered = launch_level(rows(), SETTINGS, context_of(SETTINGS))
    for refused in (lambda: load_model(lowered, None, None), lambda: MixtureTrials(lowered, SETTINGS, [])):
        with pytest.raises(InputError, match="this one is at the launch level"):
            refused()
