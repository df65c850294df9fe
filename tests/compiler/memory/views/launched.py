"""Modules at the launch level whose tensors are parts of others, and their launches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.semantics import difference, random_inputs
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import View
from glassrt.runtime.engine import Engine
from glassrt.runtime.plan import Plan
from glassrt.testing.net import Net

from ....property.concat_graphs import SEPARATE, lowered

MOVES = ("graph.concat", "graph.slice")


def launches(module: Module) -> list[Kernel]:
    return [op for op in module.main.block if isinstance(op, Kernel)]


def copies(module: Module) -> list[Kernel]:
    """The launches that only join, cut or copy tensors, other than conversions between layouts."""
    found = [kernel for kernel in launches(module) if inside(kernel) <= {*MOVES, "graph.cast"}]
    return [k for k in found if inside(k) != {"graph.cast"} or isinstance(k.writes[0].producer, View)]


def inside(kernel: Kernel) -> set[str]:
    return {op.name for op in kernel.body.block if op.next is not None}


def records(context: PassContext, rule: str) -> list[tuple[str, str]]:
    return [(str(r.verdict), r.reason) for r in context.ledger if r.rule == rule]


def plan_of(module: Module) -> Plan:
    levels = {"graph": "", "fused": "", "precision": "", "launch": print_module(module)}
    return assemble(module, levels, [], BuildOptions(()))


ENDS = ("minimum", "maximum")


def runs_on_host(launch: Module, sizes: Sequence[str] = ENDS) -> None:
    """Assert that the kernels of LAUNCH give what its interpreter gives, at SIZES of the ranges."""
    with Engine(plan_of(launch), "host") as engine:
        for which in sizes:
            inputs = random_inputs(launch, which=which)
            got, want = engine.run(inputs), interpret(launch, inputs)
            for name, array in want.items():
                assert difference(got[name], array, 8 * 2.0**-11) is None


def apart(
    module: Module, precision: str = "fp32", verify: Literal["ir", "semantics"] = "semantics"
) -> tuple[Module, PassContext]:
    """MODULE at the launch level with every kernel in a launch of its own, to be counted; VERIFY: what is
    checked behind each pass, at the sizes that are optimal."""
    return lowered(module, precision, disabled=SEPARATE, verify=verify)


MANY = 512  # images of which a copy takes as long as a decision is worth


def image(net: Net, channels: int = 8, usual: int = 2) -> Value:
    batch = net.symbol("N", 1, usual, max(3, usual))
    return net.conv(net.input("x", batch, channels, 6, 6), channels)


def joined(net: Net, x: Value, *sizes: int) -> Value:
    """Convolutions of x, which are no siblings, side by side."""
    return net.add(Concat, *(net.conv(x, 8, size) for size in sizes), axis=1)
