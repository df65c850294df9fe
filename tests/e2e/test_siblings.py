"""Inception modules: the convolutions of one input in one launch, no launch for a concat, any streams."""

from __future__ import annotations

from functools import cache

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.settings.options import Options
from glassrt.compiler.settings.policy import as_policy
from glassrt.runtime.plan import Plan
from onnx import ModelProto

from ..models import light_models, reseed, run_onnxruntime
from .agreement import SMALL, distance
from .networks import Dim, Net, feeds

RULES = ("horizontal-contraction", "widen-concat", "elide-concat", "view-slice", "concurrency")


def modules(batch: Dim = "N") -> ModelProto:
    """Two inception modules and a classifier; the second one's concat is read by a pool."""
    net = Net(8)
    x = net.relu(net.conv(net.input("image", batch, 3, 9, 9), 3, 16, 3))
    channels = 16
    for wide, reduced, small in ((16, 8, 8), (24, 16, 8)):
        pooled = net.op("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
        branches = [
            net.relu(net.conv(x, channels, wide, 1)),
            net.relu(net.conv(net.relu(net.conv(x, channels, reduced, 1)), reduced, 16, 3)),
            net.relu(net.conv(net.relu(net.conv(x, channels, small, 1)), small, 8, 5)),
            net.relu(net.conv(pooled, channels, 8, 1)),
        ]
        x, channels = net.op("Concat", *branches, axis=1), wide + 32
    x = net.op("GlobalAveragePool", net.op("MaxPool", x, kernel_shape=[3, 3], strides=[3, 3]))
    return net.done(net.dense(net.op("Flatten", x), channels, 10))


@cache
def built(precision: str, streams: int = 1, disabled: frozenset[str] = frozenset()) -> Plan:
    options = Options(streams=streams)
    disabled |= {"group-launches"}  # which would leave nothing for streams, and hide what is joined
    settings = Settings(precision=as_policy(precision), options=options, disabled=disabled)
    return build(modules(), settings).plan


def decisions(plan: Plan, rule: str) -> list[tuple[str, int]]:
    """Verdict and number of nodes of the records of RULE."""
    return [(r["verdict"], len(r["nodes"])) for r in plan.ledger if r.get("rule") == rule]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_module_is_six_launches(precision: str) -> None:
    plan = built(precision)
    assert decisions(plan, "horizontal-contraction") == [("taken", 3)] * 2
    assert not [launch.op for launch in plan.spec.launches if launch.op in ("concat", "slice", "copy")]
    apart = built(precision, disabled=frozenset(RULES[:2]))
    assert len(plan.spec.launches) == len(apart.spec.launches) - 4


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_host_device_agrees_with_onnxruntime(precision: str, batch: int) -> None:
    model = modules()
    inputs = feeds(model, batch)
    plan = built(precision)
    results = glassrt.load(plan, device="host").run(inputs)
    assert distance(results, run_onnxruntime(model, inputs), precision) < SMALL


@pytest.mark.parametrize("streams", [2, 3])
def test_streams_change_no_bit(streams: int) -> None:
    plan = built("fp16", streams)
    used = {launch.stream for launch in plan.spec.launches}
    assert 1 < len(used) <= streams and used == set(range(len(used)))
    inputs = feeds(modules(), 2)
    (one,) = glassrt.load(built("fp16"), device="host").run(inputs).values()
    (many,) = glassrt.load(plan, device="host").run(inputs).values()
    np.testing.assert_array_equal(one, many)


def test_each_rule_can_be_switched_off() -> None:
    inputs = feeds(modules(), 1)
    expected = run_onnxruntime(modules(), inputs)
    for rule in RULES:
        plan = built("fp32", 2, frozenset({rule}))
        results = glassrt.load(plan, device="host").run(inputs)
        assert distance(results, expected, "fp32") < SMALL


def test_inception_v1_needs_at_most_sixty_launches() -> None:
    model = reseed(onnx.load(light_models()["inception_v1"]), np.random.default_rng(3))
    plan = build(model, Settings(precision=as_policy("fp16"))).plan
    assert decisions(plan, "horizontal-contraction") == [("taken", 3)] * 9
    assert not [launch.op for launch in plan.spec.launches if launch.op in ("concat", "slice", "copy")]
    assert len(plan.spec.launches) <= 60
