"""Joining siblings never costs launches: what they were written into and read from stays in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.fusion.graph_to_fused import GraphToFused
from glassrt.compiler.fusion.horizontal.contractions import HorizontalContraction
from glassrt.compiler.fusion.widen_concats import WidenConcats
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.semantics import difference, random_inputs
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.ir import Module, Value
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.unary import Exp
from glassrt.dialects.launch import Kernel
from glassrt.runtime.engine import Engine
from glassrt.testing.net import Net
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....property.concat_graphs import SEPARATE, lowered

RULE = HorizontalContraction.name
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink an example takes minutes
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


# ---------------------------------------------------------------- by hand


def start(net: Net, channels: int = 16) -> Value:
    return net.conv(net.input("x", net.symbol("N", 1, 2, 2), channels, SIZE, SIZE), channels)


def siblings(net: Net, x: Value, *channels: int) -> list[Value]:
    return [net.conv(x, count, 1) for count in channels]


def read_elsewhere() -> Module:
    """concat(a, b, conv(b)) with b added elsewhere."""
    net = Net()
    a, b = siblings(net, start(net), 16, 16)
    y = net.add(Relu, net.add(Concat, a, b, net.conv(b, 16), axis=1))
    return net.done(net.conv(net.add(Add, net.conv(y, 16), b), 8))


def residual_slice() -> Module:
    """A residual that is a slice of a concat of siblings."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    y = net.add(Concat, a, b, net.conv(b, 16), axis=1)
    part = net.add(Slice, y, starts=[0, 0, 0, 0], sizes=[x.type.shape[0], 16, SIZE, SIZE])
    return net.done(net.conv(net.add(Add, net.add(Relu, net.bias(net.conv(y, 16))), part), 8))


def residual_across() -> Module:
    """A residual that is the end of one sibling and the beginning of the next, in a concat of both."""
    net = Net()
    x = start(net)
    y = net.add(Concat, *siblings(net, x, 16, 16), axis=1)
    part = net.add(Slice, y, starts=[0, 8, 0, 0], sizes=[x.type.shape[0], 16, SIZE, SIZE])
    return net.done(net.conv(net.add(Add, net.conv(y, 16), part), 8))


def in_the_middle() -> Module:
    """All siblings inside a concat, in another order than in the program, and one read elsewhere."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 8)
    whole = net.add(Concat, net.conv(x, 16), b, a, net.conv(x, 8, 5), axis=1)
    return net.done(net.conv(whole, 8), net.conv(b, 8))


def at_the_edge() -> Module:
    """One of three siblings begins a concat, and is a residual too."""
    net = Net()
    a, b, c = siblings(net, start(net), 16, 16, 16)
    whole = net.add(Concat, a, net.conv(b, 16), axis=1)
    return net.done(net.conv(whole, 8), net.conv(net.add(Add, net.conv(c, 16), a), 8))


IN_PLACE = (read_elsewhere, residual_slice, residual_across, in_the_middle, at_the_edge)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("make", IN_PLACE)
def test_joined_siblings_are_written_into_their_concat(make: Callable[[], Module], precision: str) -> None:
    on, off, context = both(make, precision)
    assert [r.verdict for r in decided(context, RULE) if r.figures] == [Verdict.TAKEN]
    assert len(launches(on)) < len(launches(off))
    assert moving(on) == []
    if precision == "fp32":
        same_on_host(on, off)


@pytest.mark.parametrize("make", IN_PLACE[:2])
def test_with_every_rule_on_nothing_is_copied(make: Callable[[], Module]) -> None:
    on, _ = lowered(make(), "fp16")
    off, _ = lowered(make(), "fp16", disabled=frozenset({RULE}))
    assert moving(on) == []
    assert len(launches(on)) <= len(launches(off))


@pytest.mark.parametrize(
    ("switches", "reason"),
    [
        ({"barriers": frozenset({("conv1", "concat5")})}, "fusing conv1 with concat5 is switched off"),
        ({"keep": frozenset({"conv1"})}, "the result of conv1 is to be kept"),
        ({}, "graph.concat is marked nofuse"),
        ({}, "operand 0 of graph.concat is marked nofuse"),
        ({}, "operand 1 of graph.concat is marked nofuse"),
        ({}, None),
    ],
)
def test_what_is_switched_off_is_not_widened(switches: dict[str, Any], reason: str | None) -> None:
    """The joined value that a switch keeps out of a concat is not written into it with the rest."""
    module = at_the_edge()
    policy = PrecisionPolicy.named("fp16")
    passes = (*passes_to("graph", REFERENCE), GraphToFused(REFERENCE))
    module = PassManager(passes, PassContext(ALL_DIALECTS, policy)).run(module)
    context = PassContext(ALL_DIALECTS, policy, **switches)
    (concat,) = (op for op in module.walk() if isinstance(op, Concat))
    if reason and reason.endswith("nofuse"):
        concat.attributes["nofuse"] = (int(reason.split()[1]),) if reason.startswith("operand") else True
    text = print_module(module)
    module = PassManager([WidenConcats()], context, verify_each="semantics").run(module)
    (record,) = decided(context, WidenConcats.name)
    if reason is None:
        assert record.verdict is Verdict.TAKEN and print_module(module) != text
    else:
        assert (record.verdict, record.reason) == (Verdict.DISABLED, reason)
        assert print_module(module) == text


def two_concats() -> Module:
    """Siblings that two concats want, each with something that no sibling is."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    one = net.add(Concat, a, net.conv(x, 16), axis=1)
    return net.done(net.conv(one, 8), net.conv(net.add(Concat, net.conv(x, 8, 5), b, axis=1), 8))


def between_others() -> Module:
    """A sibling in the middle of a concat that the other is no part of."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    whole = net.add(Concat, net.conv(x, 16), a, net.conv(x, 8, 5), axis=1)
    return net.done(net.conv(whole, 8), net.conv(b, 8))


def along_rows() -> Module:
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    return net.done(net.conv(net.add(Concat, net.conv(x, 16), a, axis=2), 8), net.conv(b, 8))


def flattened() -> Module:
    """A product whose rows are one row in the end, which no part of a wider product is."""
    net = Net()
    x = net.linear(net.input("x", 4, 6, 16), 16)
    flat = net.add(Reshape, net.linear(x, 16), shape=[4, 96])
    return net.done(net.linear(flat, 8), net.linear(net.linear(x, 16), 8))


def at_both_ends() -> Module:
    """Siblings that begin and end one concat: what is joined can lie in one place only."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    return net.done(net.conv(net.add(Concat, a, net.conv(x, 16), b, axis=1), 8))


STAY_APART = (two_concats, between_others, along_rows, at_both_ends, flattened)


@pytest.mark.parametrize("make", STAY_APART)
def test_siblings_stay_apart_when_a_copy_would_eat_what_is_saved(make: Callable[[], Module]) -> None:
    on, off, context = both(make, "fp16")
    (record,) = (r for r in decided(context, RULE) if r.figures)
    assert record.verdict is Verdict.REFUSED
    assert record.figures["launches_saved"] == 0
    assert record.figures["microseconds_joined"] > record.figures["microseconds_apart"]
    if make is not flattened:
        assert record.figures["copies"] == 1
        assert "with a copy for each of 1 concats" in record.reason
    assert len(launches(on)) == len(launches(off))


def test_those_that_need_no_copy_are_joined_without_the_others() -> None:
    def make() -> Module:
        net = Net()
        x = start(net)
        a, b, c = siblings(net, x, 16, 16, 16)
        whole = net.add(Concat, net.conv(x, 16), a, net.conv(x, 8, 5), axis=1)
        return net.done(net.conv(whole, 8), net.conv(b, 8), net.conv(c, 8))

    on, off, context = both(make, "fp16")
    found = {r.verdict: r.nodes for r in decided(context, RULE) if r.figures}
    assert found == {
        Verdict.TAKEN: ("conv2", "conv3"),
        Verdict.REFUSED: ("conv1", "conv2", "conv3"),
    }
    assert len(launches(on)) == len(launches(off)) - 1
    assert moving(on) == []


def test_neighbours_at_one_end_of_a_concat_are_joined_without_the_one_at_the_other() -> None:
    def make() -> Module:
        net = Net()
        x = start(net)
        a, b, c = siblings(net, x, 16, 16, 16)
        return net.done(net.conv(net.add(Concat, a, net.conv(x, 16), c, b, axis=1), 8))

    on, off, context = both(make, "fp16")
    found = {r.verdict: r.nodes for r in decided(context, RULE) if r.figures}
    assert {verdict: set(nodes) for verdict, nodes in found.items()} == {
        Verdict.TAKEN: {"conv2", "conv3"},
        Verdict.REFUSED: {"conv1", "conv2", "conv3"},
    }
    assert len(launches(on)) == len(launches(off)) - 1
    assert moving(on) == []


@pytest.mark.parametrize("order", ["aat", "abta", "tabb"])
def test_a_sibling_that_stands_in_a_concat_twice_is_copied_either_way(order: str) -> None:
    def make() -> Module:
        net = Net()
        x = start(net)
        a, b = siblings(net, x, 16, 16)
        values = {"a": a, "b": b, "t": net.conv(x, 16)}
        whole = net.add(Concat, *(values[name] for name in order), axis=1)
        return net.done(net.conv(whole, 8), net.conv(b, 8))

    on, off, _ = both(make, "fp16")
    assert len(launches(on)) <= len(launches(off))


def test_a_concat_that_is_not_elided_says_why() -> None:
    net = Net()
    x = start(net)
    both_read = net.add(Exp, x)  # in no kernel yet, so that the pool takes it in with the concat
    whole = net.add(Concat, net.conv(x, 16), both_read, axis=1)
    pooled = net.add(MaxPool, net.add(Relu, whole), kernel=[2, 2])
    _, context = lowered(net.done(net.conv(pooled, 8)), disabled=SEPARATE)
    (record,) = decided(context, "elide-concat")
    assert (record.verdict, record.consumers) == (Verdict.REFUSED, ("concat3", "relu4", "max_pool5"))
    assert record.reason == "its kernel computes graph.relu, graph.max_pool as well"


# ---------------------------------------------------------------- at random


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


@settings(max_examples=30, phases=PHASES)
@given(module=sibling_nets(), precision=st.sampled_from(["fp32", "fp16"]))
def test_joining_never_costs_launches(module: Module, precision: str) -> None:
    text = print_module(module)
    on, off, context = both(lambda: parse_module(text, ALL_DIALECTS, module.resources), precision)
    assert len(launches(on)) <= len(launches(off)), text
    told = {(r.rule, node) for r in context.ledger for node in r.nodes}
    for kernel in moving(on):
        names = {op.name for op in kernel.body.block}
        nodes = {node for op in kernel.body.block for node in op.location.nodes}
        if "graph.concat" in names:
            assert any(("elide-concat", node) in told for node in nodes), text


@settings(max_examples=2, phases=PHASES)
@given(module=sibling_nets())
def test_joining_changes_no_result_on_the_host(module: Module) -> None:
    text = print_module(module)
    on, off, _ = both(lambda: parse_module(text, ALL_DIALECTS, module.resources), "fp32")
    same_on_host(on, off)
