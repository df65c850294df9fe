"""join-bottlenecks: which launches become one, which stay apart and why, with the same results."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.families.registry import families
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.schedule.enclosing.record import JOIN_BOTTLENECKS
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.unary import Neg
from glassrt.dialects.launch import Kernel, kernels_in
from glassrt.testing.net import Net

from ....property.groups import lowered, on_host
from .networks import launched

PRICES = [f"glassrt.codegen.families.{name}.family.microseconds" for name in ("bottleneck", "chained")]


def pointwise(net: Net, x: Value, channels: int) -> Value:
    return net.bias(net.conv(x, channels, 1))


def residual_network(images: int = 2, size: int = 9, count: int = 1, read: bool = False) -> Module:
    """COUNT bottlenecks of 128 channels, 32 inside, one behind the other. READ: what the last convolution
    with a window results in is a result, too."""
    net = Net()
    whole = net.add(Relu, net.conv(net.input("x", images, 16, size, size), 128))
    narrow = net.add(Relu, pointwise(net, whole, 32))
    others = []
    for _ in range(count):
        inside = net.add(Relu, net.bias(net.conv(narrow, 32)))
        whole = net.add(Relu, net.add(Add, pointwise(net, inside, 128), whole))
        narrow = net.add(Relu, pointwise(net, whole, 32))
        others = [net.add(Neg, inside)] if read else []
    return net.done(net.add(Relu, net.conv(narrow, 16)), *others)


def of_rule(context: PassContext) -> list[Record]:
    return [record for record in context.ledger if record.rule == JOIN_BOTTLENECKS]


def heads(module: Module) -> list[Kernel]:
    return [op for op in kernels_in(module.main.block) if families()[op.family].heads]


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bottlenecks and chains take no time, so that they are chosen wherever there are any."""
    for price in PRICES:
        monkeypatch.setattr(price, lambda *_: 0.0)


def test_large_ones_are_one_launch() -> None:
    module, context = launched(residual_network(32, 56))
    (op,) = heads(module)
    assert op.outputs == 2 and not list(faults(module))
    (taken,) = [record for record in of_rule(context) if record.verdict is Verdict.TAKEN]
    assert taken.figures["bytes_saved"] == 2 * 32 * 56 * 56 * 32 * 2 and "apart" in taken.reason


@pytest.mark.usefixtures("cheap")
def test_results_are_those_of_launches_apart() -> None:
    apart, _ = lowered(residual_network(count=2), "fp16", disabled=frozenset({JOIN_BOTTLENECKS}))
    module, _ = lowered(residual_network(count=2), "fp16")
    assert len(heads(module)) == 2 and not heads(apart) and not list(faults(module))
    launches = [len(list(kernels_in(each.main.block))) for each in (apart, module)]
    assert launches[0] - launches[1] == 2
    inputs = random_inputs(module, seed=3)
    together, single = on_host(module, inputs), on_host(apart, inputs)
    for name, array in together.items():
        np.testing.assert_allclose(array, single[name], rtol=2e-2, atol=2e-2)


@pytest.mark.usefixtures("cheap")
def test_without_a_chain_the_expansion_alone_is_joined() -> None:
    switches = {"disabled": frozenset({"chain-contractions"})}
    module, _ = launched(residual_network(), **switches)
    (op,) = heads(module)
    assert op.outputs == 1 and not list(faults(module))


@pytest.mark.usefixtures("cheap")
def test_what_others_read_is_stored() -> None:
    module, context = launched(residual_network(read=True))
    assert not heads(module) and not of_rule(context)
