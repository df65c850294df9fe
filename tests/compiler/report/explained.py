"""Modules whose decisions are explained, and the facts about them."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.passes.ledger import Ledger
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.origins import origins_of
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.pairs import explain_pair
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.dialects.launch import Kernel
from glassrt.testing.net import Net

Lowered = tuple[Ledger, Module, Module]


def levels_of(module: Module, **switches: Any) -> tuple[Ledger, dict[str, Module]]:
    """The ledger and all levels of MODULE."""
    context = PassContext(ALL_DIALECTS, **switches)
    context.ledger.origins = origins_of(module)
    stages = {}
    for level in LEVELS:
        module = PassManager(passes_to(level, REFERENCE), context).run(module)
        stages[level] = parse_module(print_module(module), ALL_DIALECTS)
    return Ledger.from_json(context.ledger.to_json()), stages


def lowered(module: Module, **switches: Any) -> Lowered:
    """The ledger, the launch level and the precision level of MODULE."""
    ledger, stages = levels_of(module, **switches)
    return ledger, stages["launch"], stages["precision"]


def explained(module: Module, **switches: Any) -> tuple[Facts, dict[str, Module]]:
    ledger, stages = levels_of(module, **switches)
    return Facts(ledger, stages["launch"], stages["precision"]), stages


def facts_of(module: Module, **switches: Any) -> Facts:
    return Facts(*lowered(module, **switches))


def kernels_of(launch: Module) -> list[set[str]]:
    """The nodes of the ops in every launch; of one without any those that no other has: a copy of what
    another kernel makes stands for no node."""
    kernels = [op for op in launch.main.block if isinstance(op, Kernel)]
    found = []
    for kernel in kernels:
        inner = [op for op in kernel.walk() if op is not kernel and not has(op, Trait.CONSTANT)]
        found.append({node for op in inner for node in op.location.nodes})
    inside = set().union(*found)
    pairs = zip(found, kernels, strict=True)
    return [nodes or set(kernel.location.nodes) - inside for nodes, kernel in pairs]


def answer_of(facts: Facts, a: str, b: str) -> tuple[str, str]:
    answer = explain_pair(facts, a, b)
    return answer.verdict, answer.rule


def residual_net() -> Module:
    """conv0 add1 relu2 conv3 add4 | reshape5 | matmul... : a residual and a view."""
    net = Net()
    x = net.input("image", 1, 4, 6, 6)
    y = net.add(Relu, net.bias(net.conv(x, 4)))
    y = net.add(Add, net.conv(y, 4), y)
    y = net.add(MaxPool, y, kernel=[2, 2], strides=[2, 2])
    flat = net.add(Reshape, y, shape=[1, 36])
    return net.done(net.linear(flat, 3))


def chain() -> Module:
    net = Net()
    y = net.add(Sigmoid, net.add(Relu, net.bias(net.conv(net.input("x", 1, 4, 6, 6), 4))))
    return net.done(net.add(Mul, y, y))
