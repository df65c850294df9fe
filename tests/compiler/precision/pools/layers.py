"""Nets of a convolution and a pool for tests, lowered to the precision level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Record
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.pools.contraction_pool import CONTRACTION_POOL
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.precision import PrecisionKernel
from glassrt.testing.net import Net

Between = Callable[[Net, Any], Any]


def relu(net: Net, value: Any) -> Any:
    """A relu of VALUE."""
    return net.add(Relu, value)


def stem(
    between: Sequence[Between] = (relu,),
    batch: int = 16,
    size: int | tuple[int, int] = 96,
    channels: int = 3,
    behind: Sequence[Between] = (),
    strides: tuple[int, int] = (2, 2),
) -> Module:
    """conv of an image, BETWEEN, max_pool, BEHIND, and a convolution."""
    net = Net()
    y = net.add(
        Conv,
        net.input("x", batch, channels, *(size if isinstance(size, tuple) else (size, size))),
        net.weights(32, channels, 7, 7),
        strides=[2, 2],
        pads=[3, 3, 3, 3],
    )
    for made in between:
        y = made(net, y)
    y = net.add(MaxPool, y, kernel=[3, 3], strides=list(strides), pads=[1, 1, 1, 1])
    for made in behind:
        y = made(net, y)
    return net.done(net.add(Conv, y, net.weights(32, 32, 1, 1)))


def lowered(
    module: Module, precision: str = "fp16", merge: bool = True, **switches: Any
) -> tuple[Module, list[Record]]:
    """MODULE at the precision level, with the records about its pools; without the merging pass if asked."""
    context = PassContext(ALL_DIALECTS, policy=PrecisionPolicy.named(precision), **switches)
    passes = passes_through("precision", REFERENCE)
    if not merge:
        passes = tuple(step for step in passes if step.name != CONTRACTION_POOL)
        assert len(passes) < len(passes_through("precision", REFERENCE))
    result = PassManager(passes, context, verify_each="ir").run(module)
    return result, [record for record in context.ledger if record.rule == CONTRACTION_POOL]


def kernels_of(module: Module) -> list[PrecisionKernel]:
    """The kernels of MODULE in order."""
    return [op for op in module.main.block if isinstance(op, PrecisionKernel)]


def pooling(module: Module) -> PrecisionKernel:
    """The kernel of MODULE with a pool."""
    (found,) = (
        kernel for kernel in kernels_of(module) if any(isinstance(op, MaxPool) for op in kernel.body.block)
    )
    return found
