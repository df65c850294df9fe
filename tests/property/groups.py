"""For tests of grouped launches: nets with independent branches, and groups taken apart again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.group.parts import GROUP, of_members
from glassrt.codegen.families.registry import realize
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.codegen.request.make import code_in_model_symbols, make_request
from glassrt.codegen.request.parameters import scratch_of
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.kernels.members import Member, members_of
from glassrt.compiler.memory.placement import place_buffers
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.options import Options
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.ir import Region, Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.pool import AvgPool, MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Abs, Neg, Sigmoid
from glassrt.dialects.launch import Kernel
from glassrt.runtime.engine import Engine
from glassrt.runtime.plan import Plan
from glassrt.testing.net import Net
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

LEVELS = ("graph", "fused", "precision", "launch")


def lowered(
    module: Module, precision: str = "fp32", streams: int = 1, **switches: Any
) -> tuple[Module, PassContext]:
    """MODULE at the launch level, every pass held against the interpreter, and the context."""
    policy = PrecisionPolicy.named(precision)
    context = PassContext(ALL_DIALECTS, policy, options=Options(streams=streams), **switches)
    steps = [step for level in LEVELS for step in passes_to(level, REFERENCE)]
    return PassManager(steps, context, verify_each="semantics").run(module), context


def launches(module: Module) -> list[Kernel]:
    return [op for op in module.main.block if isinstance(op, Kernel)]


def groups(module: Module) -> list[Kernel]:
    return [op for op in launches(module) if op.family == GROUP]


def families(op: Kernel) -> list[str]:
    return sorted(member.family for member in members_of(op))


def take_apart(module: Module) -> None:
    """Every member of a group of MODULE as a launch of its own, in the configuration that it has there."""
    for op in groups(module):
        scratch = list(op.inputs[len(op.inputs) - op.scratch :])
        for number, member in enumerate(members_of(op)):
            module.main.block.insert_before(op, _alone(module, op, member, number, scratch))
        assert not scratch
        op.erase()
    place_buffers(module)


def _alone(module: Module, op: Kernel, member: Member, number: int, scratch: list[Value]) -> Kernel:
    reads, writes = op.reads[member.reads], op.writes[member.writes]
    request = make_request(module, member.body, reads, writes, REFERENCE, "kernel")
    code = code_in_model_symbols(module, realize(request, member.family, member.config))
    # In a group it has no cluster, and so a workspace where it needs none of its own.
    joined = realize(replace(request, target=of_members(REFERENCE)), member.family, member.config)
    given = [scratch.pop(0) for _ in scratch_of(joined.parameters)]
    own = given[: len(scratch_of(code.parameters))]
    return Kernel(
        *reads, *writes, *own,
        kernel=f"{op.kernel}_{number}", outputs=len(writes), scratch=len(own), family=member.family,
        config=member.config, grid=code.geometry.grid, block=code.geometry.block,
        shared=code.geometry.shared, cluster=code.geometry.cluster, regions=[Region(member.body)],
    )  # fmt: skip


def plan_of(module: Module, targets: tuple[ArchSpec, ...] = ()) -> Plan:
    levels = {"graph": "", "fused": "", "precision": "", "launch": print_module(module)}
    return assemble(module, levels, [], BuildOptions(targets))


def on_host(module: Module, inputs: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    with Engine(plan_of(module), "host") as engine:
        return engine.run(inputs)


def inception(net: Net, x: Value) -> Value:
    """The four branches of a module of GoogLeNet, small."""
    a = net.add(Relu, net.bias(net.conv(x, 16, 1)))
    b = net.add(Relu, net.bias(net.conv(net.add(Relu, net.conv(x, 8, 1)), 16, 3)))
    c = net.add(Relu, net.bias(net.conv(net.add(Relu, net.conv(x, 8, 1)), 8, 5)))
    pooled = net.add(MaxPool, x, kernel=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    return net.add(Concat, a, b, c, net.add(Relu, net.conv(pooled, 8, 1)), axis=1)


@st.composite
def branches(draw: DrawFn) -> Module:
    """A net whose branches, of several depths, begin at one value and end in several or joined."""
    net = Net(seed=draw(st.integers(0, 9)))
    batch: Dim = net.symbol("N", 1, 2, 4) if draw(st.booleans()) else 2
    x = net.input("x", batch, 8, 6, 6)
    ends = []
    for _ in range(draw(st.integers(2, 4))):
        value = x
        for _ in range(draw(st.integers(1, 3))):
            value = _step(draw, net, value)
        ends.append(value)
    if draw(st.booleans()):
        ends = [net.conv(net.add(Concat, *ends, axis=1), 4, 1)]
    return net.done(*ends)


def _step(draw: DrawFn, net: Net, value: Value) -> Value:
    match draw(st.sampled_from(["conv", "depthwise", "loop", "pool", "row"])):
        case "conv":
            return net.add(Relu, net.bias(net.conv(value, 8, draw(st.sampled_from([1, 3])))))
        case "depthwise":
            return net.conv(value, 8, 3, groups=8)
        case "loop":
            return net.add(draw(st.sampled_from([Sigmoid, Tanh, Neg, Abs])), value)
        case "pool":
            kind = draw(st.sampled_from([MaxPool, AvgPool]))
            return net.add(kind, value, kernel=[3, 3], strides=[1, 1], pads=[1] * 4)
    return net.add(Softmax, value, axis=draw(st.sampled_from([1, 3])))
