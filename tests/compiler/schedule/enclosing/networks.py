"""Networks of inverted residuals, and their launches."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.unary import Neg
from glassrt.testing.net import Net


def inverted(images: int = 2, size: int = 9, count: int = 1, expands: bool = True, read: str = "") -> Module:
    """COUNT inverted residuals of 24 channels, 144 inside, one behind the other. READ: `expanded` or
    `convolved`, what is a result, too."""
    net = Net()
    width = 24 if expands else 144
    value = net.add(Relu, net.bias(net.conv(net.input("x", images, 16, size, size), width, 3)))
    others = []
    for _ in range(count):
        inside = net.add(Relu, net.bias(net.conv(value, 144, 1))) if expands else value
        moved = net.add(Relu, net.bias(net.conv(inside, 144, groups=144)))
        made = net.bias(net.conv(moved, width, 1))
        value = net.add(Add, made, value) if expands else made
        others = [net.add(Neg, {"expanded": inside, "convolved": moved}[read])] if read else []
    return net.done(net.add(Relu, net.conv(value, 16)), *others)


def launched(module: Module, **switches: Any) -> tuple[Module, PassContext]:
    """MODULE in f16 at the launch level, and the context."""
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"), **switches)
    return PassManager(passes_through("launch", REFERENCE), context).run(module), context
