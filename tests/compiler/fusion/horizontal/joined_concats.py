"""Joined siblings that end in a concat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.compiler.fusion.horizontal.contractions import HorizontalContraction
from glassrt.compiler.passes.ledger import Record
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.semantics import difference, random_inputs
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.launch import Kernel
from glassrt.runtime.engine import Engine
from glassrt.testing.net import Net
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....property.concat_graphs import SEPARATE, lowered

RULE = HorizontalContraction.name


SIZE = 4


def launches(module: Module) -> list[Kernel]:
    return [op for op in module.main.block if isinstance(op, Kernel)]


def moving(module: Module) -> list[Kernel]:
    """The launches that only join, cut or copy, without conversions at the edge of the model."""
    found = []
    for kernel in launches(module):
        ops = [op for op in kernel.body.block if not has(op, Trait.TERMINATOR)]
        edge = {value.producer for value in kernel.reads} == {None} or kernel.writes[
            0
        ] in module.main.returned
        if all(has(op, Trait.MOVEMENT) or op.name == "graph.cast" for op in ops) and not edge:
            found.append(kernel)
    return found


def both(module: Callable[[], Module], precision: str) -> tuple[Module, Module, PassContext]:
    """MODULE at the launch level with the rule and without it, and the context of the former; both mean
    what the graph level means."""
    off, _ = lowered(module(), precision, disabled=SEPARATE | {RULE})
    on, context = lowered(module(), precision, disabled=SEPARATE)
    return on, off, context


def on_host(module: Module, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    levels = {"graph": "", "fused": "", "precision": "", "launch": print_module(module)}
    with Engine(assemble(module, levels, [], BuildOptions(())), "host") as engine:
        return engine.run(inputs)


def same_on_host(on: Module, off: Module) -> None:
    inputs = random_inputs(on, which="maximum")
    got, want = on_host(on, inputs), on_host(off, inputs)
    for name, array in want.items():
        assert difference(got[name], array, 8 * 2.0**-11) is None


def decided(context: PassContext, rule: str) -> list[Record]:
    return [record for record in context.ledger if record.rule == rule]


def start(net: Net, channels: int = 16) -> Value:
    return net.conv(net.input("x", net.symbol("N", 1, 2, 2), channels, SIZE, SIZE), channels)


def siblings(net: Net, x: Value, *channels: int) -> list[Value]:
    return [net.conv(x, count, 1) for count in channels]


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink an example takes minutes


@st.composite
def sibling_nets(draw: DrawFn) -> Module:
    """Siblings with what reads them: concats, residuals, slices, convolutions; everything is used."""
    net = Net(seed=draw(st.integers(0, 9)))
    batch: Dim = draw(st.integers(1, 2))
    values = [net.conv(net.input("x", batch, 8, SIZE, SIZE), draw(st.sampled_from([8, 16])))]
    for _ in range(draw(st.integers(1, 2))):
        source = draw(st.sampled_from(values))
        biased = draw(st.booleans())
        ends = siblings(net, source, *draw(st.lists(st.sampled_from([8, 16]), min_size=2, max_size=4)))
        ends = [net.add(Relu, net.bias(end)) if biased else end for end in ends]
        values += ends
        for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4)):
            values += _reader(draw, net, values, ends, kind)
    outputs = [net.conv(value, 8) for value in values if not value.uses]
    return net.done(*outputs)


KINDS = ("conv", "join", "join", "join", "residual", "residual", "cut", "pool", "relu")


def _reader(draw: DrawFn, net: Net, values: list[Value], ends: list[Value], kind: str) -> list[Value]:
    value = draw(st.sampled_from([*values, *ends]))
    channels = value.type.shape[1]
    assert isinstance(channels, int)
    match kind:
        case "conv":
            return [net.conv(value, draw(st.sampled_from([8, 16])), draw(st.sampled_from([1, 3])))]
        case "join":
            others = draw(st.lists(st.sampled_from([*values, *ends]), min_size=1, max_size=3))
            parts = draw(st.permutations([value, *others]))
            return [net.add(Concat, *parts, axis=1)] if _wide(parts) <= 96 else []
        case "residual":
            return [net.add(Add, net.conv(value, channels), value)]
        case "cut":
            begin = draw(st.integers(0, channels // 8 - 1)) * 8
            sizes = [value.type.shape[0], 8, SIZE, SIZE]
            return [net.add(Slice, value, starts=[0, begin, 0, 0], sizes=sizes)]
        case "pool":
            return [net.add(MaxPool, value, kernel=[3, 3], strides=[1, 1], pads=[1] * 4)]
    return [net.add(Relu, value)]


def _wide(parts: list[Value]) -> int:
    return sum(int(str(part.type.shape[1])) for part in parts)
