"""chain-contractions: which launches become one, which stay apart and why, with the same results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.chained.config import ChainedConfig
from glassrt.codegen.families.registry import families
from glassrt.compiler.checking.accuracy import measure
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.passes.spilled import Spilled
from glassrt.compiler.schedule.chaining.record import CHAIN_CONTRACTIONS
from glassrt.compiler.schedule.enclosing.record import JOIN_BOTTLENECKS
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.launch import Kernel, kernels_in
from glassrt.runtime.engine import Engine
from glassrt.testing.net import Net

from ....property.groups import lowered, on_host, plan_of

PRICE = "glassrt.codegen.families.chained.family.microseconds"
CONFIGURATIONS = "glassrt.codegen.families.chained.family.configurations"
ONLY = ChainedConfig(2, 128, 3, 3, 2)


def pointwise(net: Net, x: Value, channels: int) -> Value:
    return net.bias(net.conv(x, channels, 1))


def bottlenecks(images: int = 2, size: int = 6, count: int = 2) -> Module:
    """Bottlenecks of 128 channels, 64 inside, one behind the other, and their results."""
    net = Net()
    whole = net.add(Relu, net.conv(net.input("x", images, 16, size, size), 128))
    narrow = net.add(Relu, pointwise(net, whole, 64))
    for _ in range(count):
        inside = net.add(Relu, net.bias(net.conv(narrow, 64)))
        whole = net.add(Relu, net.add(Add, pointwise(net, inside, 128), whole))
        narrow = net.add(Relu, pointwise(net, whole, 64))
    return net.done(net.add(Relu, net.conv(narrow, 16)))


def launched(module: Module, **switches: Any) -> tuple[Module, PassContext]:
    """MODULE in f16 at the launch level, and the context."""
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"), **switches)
    return PassManager(passes_through("launch", REFERENCE), context).run(module), context


def of_rule(context: PassContext) -> list[Record]:
    return [record for record in context.ledger if record.rule == CHAIN_CONTRACTIONS]


def chained(module: Module) -> list[Kernel]:
    return [op for op in kernels_in(module.main.block) if families()[op.family].chains]


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chained kernels take no time, so that they are chosen wherever there are any."""
    monkeypatch.setattr(PRICE, lambda *_: 0.0)


def test_large_ones_save_the_bytes_of_what_lies_between() -> None:
    module, context = launched(bottlenecks(8, 56, 1), disabled=frozenset({JOIN_BOTTLENECKS}))
    (op,) = chained(module)
    assert op.outputs == 2 and not list(faults(module))
    (taken,) = [record for record in of_rule(context) if record.verdict is Verdict.TAKEN]
    assert taken.figures["bytes_saved"] == 8 * 56 * 56 * 128 * 2
    assert float(taken.figures["microseconds_saved"]) > 0.25 and "apart" in taken.reason


def test_small_ones_stay_apart() -> None:
    module, context = launched(bottlenecks())
    assert not chained(module)
    assert any(record.reason.endswith("is saved") for record in of_rule(context))


@pytest.mark.usefixtures("cheap")
def test_results_are_those_of_launches_apart() -> None:
    apart, _ = lowered(bottlenecks(), "fp16", disabled=frozenset({CHAIN_CONTRACTIONS}))
    module, context = lowered(bottlenecks(), "fp16")
    assert len(chained(module)) == 2 and not list(faults(module)) and not chained(apart)
    taken = [record for record in of_rule(context) if record.verdict is Verdict.TAKEN]
    launches = [len(list(kernels_in(each.main.block))) for each in (apart, module)]
    assert launches[0] - launches[1] == len(taken) == 2
    inputs = random_inputs(module, seed=3)
    together, single = on_host(module, inputs), on_host(apart, inputs)
    for name, array in together.items():
        np.testing.assert_allclose(array, single[name], rtol=2e-2, atol=2e-2)


@pytest.mark.usefixtures("cheap")
def test_what_is_launched_is_within_its_bounds() -> None:
    module, _ = launched(bottlenecks())
    plan = plan_of(parse_module(print_module(module), ALL_DIALECTS, module.resources))
    with Engine(plan, "host") as engine:
        reports, _ = measure(engine, random_inputs(module, seed=3), {}, None)
    assert all(report.excess(None) <= 1 for report in reports)


@pytest.mark.usefixtures("cheap")
def test_switches() -> None:
    _, context = launched(bottlenecks(count=1))
    (taken,) = [record for record in of_rule(context) if record.verdict is Verdict.TAKEN]
    assert taken.split is not None
    first, second = taken.nodes[taken.split - 1], taken.nodes[-1]
    for switches in (
        {"disabled": frozenset({CHAIN_CONTRACTIONS})},
        {"keep": frozenset({first})},
        {"barriers": frozenset({(first, second)})},
    ):
        module, context = launched(bottlenecks(count=1), **switches)
        records = [record for record in of_rule(context) if record.nodes == taken.nodes]
        assert [record.verdict for record in records] == [Verdict.DISABLED] and not chained(module)


@pytest.mark.usefixtures("cheap")
def test_kernels_that_spill_leave_launches_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _ = launched(bottlenecks(count=1))
    names = {op.kernel: "spills 8 bytes" for op in chained(module)}
    module, context = launched(bottlenecks(count=1), spilled=Spilled(names))
    assert {op.kernel for op in chained(module)}.isdisjoint(names) and chained(module)
    monkeypatch.setattr(CONFIGURATIONS, lambda *_: [ONLY])
    module, _ = launched(bottlenecks(count=1))
    names = {op.kernel: "spills 8 bytes" for op in chained(module)}
    module, context = launched(bottlenecks(count=1), spilled=Spilled(names))
    assert not chained(module)
    assert "every kernel that multiplies results again spills registers" in {
        r.reason for r in of_rule(context)
    }


def two_readers(first: int, second: int) -> Module:
    """A result that contractions of FIRST and SECOND columns read, and an addition."""
    net = Net()
    whole = net.add(Relu, pointwise(net, net.add(Relu, net.conv(net.input("x", 2, 16, 6, 6), 64)), 128))
    ends = [net.add(Relu, net.conv(whole, first, 3, strides=(2, 2))), pointwise(net, whole, second)]
    return net.done(*(net.add(Relu, net.conv(end, 16)) for end in ends))


@pytest.mark.usefixtures("cheap")
def test_of_several_readers_one_is_chained() -> None:
    module, context = launched(two_readers(64, 48))
    (op,) = chained(module)
    assert op.writes[1].type.shape[1] == 48
    refused = [record for record in of_rule(context) if record.verdict is Verdict.REFUSED]
    assert any("no kernel multiplies" in record.reason for record in refused)


@pytest.mark.usefixtures("cheap")
def test_a_launch_is_in_one_chain_only() -> None:
    net = Net()
    value = net.add(Relu, net.conv(net.input("x", 2, 16, 6, 6), 64))
    for channels in (128, 64, 128):
        value = net.add(Relu, pointwise(net, value, channels))
    module, _ = launched(net.done(net.add(Relu, net.conv(value, 16))))
    assert len(chained(module)) == 1


@pytest.mark.usefixtures("cheap")
def test_what_is_needed_between_keeps_them_apart() -> None:
    """The second adds what is computed from the first result by another launch."""
    net = Net()
    whole = net.add(Relu, pointwise(net, net.add(Relu, net.conv(net.input("x", 2, 16, 6, 6), 64)), 128))
    other = net.add(Relu, net.conv(whole, 64))
    end = net.add(Add, net.conv(whole, 64, 1), other)
    module, _ = launched(net.done(net.add(Relu, net.conv(end, 16))))
    assert not chained(module)
