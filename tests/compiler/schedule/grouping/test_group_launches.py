"""group-launches: independent launches become one, with the same results, where that should save time."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import onnx
import pytest
from glassrt.codegen.families.kernel_family import Rank
from glassrt.compiler.checking.accuracy import measure
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.frontend import import_model
from glassrt.compiler.kernels.members import members_of
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Abs, Neg, Sigmoid
from glassrt.runtime.engine import Engine
from glassrt.testing.net import Net
from hypothesis import given, settings

from ....codegen.ranks import rank
from ....models import light_models, reseed
from ....property.graphs import nets
from ....property.groups import (
    families,
    groups,
    inception,
    launches,
    lowered,
    plan_of,
)


def of_rule(context: PassContext) -> list[Record]:
    return [record for record in context.ledger if record.rule == GROUP_LAUNCHES]


def modules(count: int, size: int = 14) -> Module:
    """COUNT modules of four branches, one after the other."""
    net = Net()
    x = net.input("x", 1, 16, size, size)
    for _ in range(count):
        x = inception(net, x)
    return net.done(x)


class TestWhatIsGrouped:
    def test_pooling_beside_convolutions_and_the_convolutions_after_them(self) -> None:
        plain, _ = lowered(modules(2), "fp16", disabled=frozenset({GROUP_LAUNCHES}))
        module, context = lowered(modules(2), "fp16")
        found = [[rank(family) for family in families(op)] for op in groups(module)]
        assert [Rank.TENSOR_CORES, Rank.SPECIAL_CASE] in found
        assert [Rank.TENSOR_CORES] * 3 in found
        saved = sum(int(r.figures["launches_saved"]) for r in of_rule(context) if r.verdict is Verdict.TAKEN)
        assert len(launches(plain)) - len(launches(module)) == saved > 0

    def test_rows_beside_a_loop(self) -> None:
        net = Net()
        x = net.input("x", 4, 96)
        module, _ = lowered(net.done(net.add(Softmax, x, axis=1), net.add(Neg, x)))
        (op,) = launches(module)
        assert families(op) == ["loop", "row"]
        assert len({str(member.config.get("threads", "")) for member in members_of(op)} - {""}) == 1

    def test_a_launch_moves_to_a_later_step_where_others_are(self) -> None:
        net = Net()
        x, y = net.input("x", 32, 64, 56, 56), net.input("y", 4, 4)
        first = net.add(Softmax, x, axis=1)  # fills the GPU: no company for a small launch
        second = net.add(MaxPool, first, kernel=[3, 3], strides=[56, 56])
        module = launch_level(net.done(second, net.add(Sigmoid, y)), Settings(), context_of(Settings()))
        assert [op.location.nodes for op in launches(module)] == [
            ("softmax0",),
            ("max_pool1", "sigmoid2"),
        ]
        assert not list(faults(module))

    def test_not_what_needs_each_other(self) -> None:
        net = Net()
        value = net.input("x", 1, 8, 9, 9)
        for _ in range(4):
            value = net.add(Softmax, value, axis=1)
        module, context = lowered(net.done(value))
        assert not groups(module)
        (record,) = of_rule(context)
        assert (record.verdict, record.nodes) == (Verdict.REFUSED, ())

    def test_not_what_fills_the_gpu(self) -> None:
        net = Net()
        x = net.input("x", 8, 64, 56, 56)
        usual = Settings()
        context = context_of(usual)
        ends = net.add(Softmax, x, axis=1), net.add(MaxPool, x, kernel=[3, 3])
        module = launch_level(net.done(*ends), usual, context)
        assert not groups(module)
        (record,) = of_rule(context)
        assert record.verdict is Verdict.REFUSED
        assert re.search(r"together they have \d+ blocks, more than 2 waves", record.reason)

    def test_inception_v1_in_half_the_launches(self) -> None:
        model = reseed(onnx.load(light_models()["inception_v1"]), np.random.default_rng(3))
        halves = Settings(precision=PrecisionPolicy.named("fp16"))
        module = launch_level(import_model(model), halves, context_of(halves))
        assert len(launches(module)) <= 32
        # Pooling beside the joined 1x1s of a module, where both are small, then its three other convolutions,
        # or two of them, where the third is faster by a cluster of its own.
        kinds = [[family.partition("_")[0] for family in families(op)] for op in groups(module)]
        pooled = [kind for kind in kinds if set(kind) != {"contraction"}]
        assert len(kinds) == 9 + len(pooled) and len(pooled) >= 6
        assert all(kind == ["contraction", "window"] for kind in pooled)
        assert not list(faults(module))


class TestSwitches:
    def test_off_by_name(self) -> None:
        module, context = lowered(modules(1), disabled=frozenset({GROUP_LAUNCHES}))
        assert not groups(module)
        found = of_rule(context)
        assert {record.verdict for record in found} == {Verdict.DISABLED}
        assert any(record.producers and record.consumers for record in found)

    def test_a_barrier_keeps_two_nodes_in_launches_of_their_own(self) -> None:
        def net() -> Module:
            made = Net()
            x = made.input("x", 1, 4, 8, 8)
            return made.done(*(made.add(kind, x) for kind in (Sigmoid, Tanh, Abs)))

        module, _ = lowered(net(), barriers=frozenset({("sigmoid0", "abs2")}))
        where = {node: op for op in launches(module) for node in op.location.nodes}
        assert where["sigmoid0"] is not where["abs2"]
        assert len(launches(module)) == 2

    def test_every_number_of_decisions_gives_a_good_module(self) -> None:
        counts = []
        for limit in range(0, 30, 6):
            module, _ = lowered(modules(1, 6), limit=limit)
            assert not list(faults(module))
            counts.append(len(launches(module)))
        assert counts == sorted(counts, reverse=True)
        assert counts[0] > counts[-1]

    @pytest.mark.parametrize("streams", [2, 3])
    def test_streams_for_what_is_left(self, streams: int) -> None:
        module, _ = lowered(modules(2, 6), streams=streams)
        assert groups(module)
        assert not list(faults(module))


class TestResults:
    @settings(deadline=None, max_examples=12)
    @given(module=nets())
    def test_random_nets_keep_their_meaning_and_their_text(self, module: Module) -> None:
        done, _ = lowered(module)
        assert not list(faults(done))
        text = print_module(done)
        again = parse_module(text, ALL_DIALECTS, done.resources)
        assert print_module(again) == text
        inputs = random_inputs(done, seed=1)
        want, have = interpret(done, inputs), interpret(again, inputs)
        assert all(want[name].tobytes() == have[name].tobytes() for name in want)

    def test_a_member_that_reads_anothers_result_is_found(self) -> None:
        net = Net()
        x = net.input("x", 1, 4, 8, 8)
        module, _ = lowered(net.done(net.add(Sigmoid, x), net.add(Tanh, x)))
        (op,) = groups(module)
        op.set_operand(1, op.writes[0])
        assert any("before any launch has written them" in str(fault) for fault in faults(module))

    def test_a_fault_in_one_member_is_named_by_its_own_nodes(self) -> None:
        net = Net()
        x = net.input("x", 1, 4, 8, 8)
        module, _ = lowered(net.done(*(net.add(kind, x) for kind in (Sigmoid, Tanh, Abs))))
        plan = plan_of(module)
        ((name, source),) = plan.sources.items()
        inputs = random_inputs(module, seed=1)
        with Engine(plan, "host") as engine:
            sound, _ = measure(engine, inputs, {})
        assert [report.nodes for report in sound] == [("sigmoid0",), ("tanh1",), ("abs2",)]
        assert max(report.excess(None) for report in sound) <= 1
        broken = replace(plan, sources={name: source.replace("m_tanh(", "1.0f + m_tanh(")})
        with Engine(broken, "host") as engine:
            reports, _ = measure(engine, inputs, {})
        assert [report.op for report in reports if report.excess(None) > 1] == ["tanh"]
