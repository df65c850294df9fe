"""Facts about launches: bytes and arithmetic of launches, users of buffers, branches and loops."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.compiler.report.launches import buffers_of, controls_of, launches_of
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.softmax import Softmax
from glassrt.runtime.plan import Plan
from glassrt.runtime.steps import Repeat
from glassrt.testing.net import Net

from ...e2e.test_control_flow import NESTED, model

N, K, M = 3, 32, 24


def network() -> Module:
    """A product with relu, and a softmax of it."""
    net = Net()
    x = net.input("x", net.symbol("N", 1, 4, 8), K)
    y = net.add(Relu, net.add(Matmul, x, net.weights(K, M)))
    return net.done(net.add(Softmax, y, axis=1))


def plan_of(precision: str = "fp32") -> Plan:
    return build(network(), Settings(precision=as_policy(precision), cache=None)).plan


def test_bytes_and_arithmetic_of_launches() -> None:
    product, rows = launches_of(plan_of(), {"N": N})
    # x and the weights read, the product written; then read and written by the softmax.
    assert product.bytes == 4 * (N * K + K * M + N * M) and rows.bytes == 4 * 2 * N * M
    assert product.flops is not None and 2 * N * K * M <= product.flops <= 2 * N * K * M + 4 * N * M
    assert len(product.reads) == 2 and product.writes == rows.reads
    twice = launches_of(plan_of(), {"N": 2 * N})[0]
    assert twice.flops == 2 * product.flops


@pytest.mark.parametrize(("precision", "rate"), [("fp32", 0.0), ("tf32", 0.5), ("fp16", 1.0), ("bf16", 1.0)])
def test_products_on_tensor_cores_have_a_rate(precision: str, rate: float) -> None:
    found = launches_of(plan_of(precision), {"N": N})
    products = [launch for launch in found if "matmul" in launch.bound.op]
    assert [launch.tensor for launch in products] == [rate]
    assert {launch.tensor for launch in found if launch not in products} <= {0.0}
    storage = {"tf32": "tf32", "fp16": "f16", "bf16": "bf16", "fp32": "f32"}[precision]
    assert products[0].formats == {"requested": storage, "chosen": storage, "executed": storage}


def test_a_manifest_without_its_text_has_no_arithmetic() -> None:
    plan = plan_of()
    for text in ("nonsense", plan.ir("precision")):
        found = launches_of(replace(plan, levels={**plan.levels, "launch": text}), {"N": N})
        assert [(launch.flops, launch.formats, launch.tensor) for launch in found] == [(None, {}, 0.0)] * 2
        assert [launch.bytes for launch in found] == [each.bytes for each in launches_of(plan, {"N": N})]


def test_buffers_know_their_users() -> None:
    plan = plan_of()
    found = {buffer.name: buffer for buffer in buffers_of(plan, {"N": N})}
    product, rows = launches_of(plan, {"N": N})
    (shared,) = product.writes
    assert found[shared].users == (0, 1) and found[shared].bytes == 4 * N * M
    assert all(found[name].users == (0,) for name in product.reads)
    assert found[rows.writes[0]].users == (1,) and found[rows.writes[0]].space == "output"
    weights = [buffer for buffer in found.values() if buffer.space == "weights"]
    assert sum(buffer.bytes for buffer in weights) == 4 * K * M


def test_branches_and_loops_are_told_with_what_is_inside() -> None:
    apart = Settings(disabled=frozenset({PredicateBranches.name}), cache=None)
    plan = build(model(NESTED), apart).plan
    loop, branch = controls_of(plan, {"T": 6})
    assert loop.depth == 0 and loop.does == "6 times" and loop.on_gpu == "unrolled into the graph"
    assert loop.launches is not None and branch.launches is not None
    assert branch.depth == 1 and branch.does.startswith("if ") and "launches, else" in branch.does
    assert loop.launches[0] <= branch.launches[0] and branch.launches[1] <= loop.launches[1]
    assert branch.on_gpu == "read back by the host"
    assert controls_of(plan, {"T": 2})[0].does == "2 times"
    assert controls_of(plan_of(), {"N": N}) == []
    (counter,) = (step.counter for step in plan.spec.steps if isinstance(step, Repeat))
    (users,) = (buffer.users for buffer in buffers_of(plan, {"T": 6}) if buffer.name == counter)
    assert users == tuple(range(loop.launches[0], loop.launches[1] + 1))
