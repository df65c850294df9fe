"""Groups of small launches that several tests begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.schedule.grouping.group_launches import GroupLaunches
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net

Choice = Callable[[Request], Candidate]


def cheapest(request: Request) -> Candidate:
    return candidates(request)[0]


def grouped(module: Module, precision: str = "fp16", choose: Choice = cheapest) -> Module:
    """MODULE at the launch level with kernels picked by CHOOSE, grouped."""
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision))
    module = PassManager(passes_through("precision", REFERENCE), context).run(module)
    module = precision_to_launch(module, REFERENCE, choose)
    module = PassManager((GroupLaunches(REFERENCE),), context, verify_each="semantics").run(module)
    assert not list(faults(module))
    return module


def everything(batch: Any = 2) -> Module:
    """Kernels of every family that can be in a group, all reading one value."""
    net = Net()
    if batch == "N":
        batch = net.symbol("N", 1, 2, 3)
    x = net.input("x", batch, 16, 5, 8)
    ends = [
        net.add(Relu, net.bias(net.conv(x, 24, 3))),
        net.conv(x, 16, 3, groups=16),
        net.add(MaxPool, x, kernel=[2, 2]),
        net.add(Softmax, x, axis=3),
        net.add(Sigmoid, x),
    ]
    return net.done(*ends)
