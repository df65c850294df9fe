"""group-launches: independent launches become one, with the same results, where that should save time."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.group.parts import GROUP
from glassrt.codegen.families.kernel_family import Rank
from glassrt.compiler.checking.accuracy import measure
from glassrt.compiler.driver.build import Settings, build, context_of, launch_level
from glassrt.compiler.frontend import import_model
from glassrt.compiler.kernels.members import members_of
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.nodes import explain_node
from glassrt.compiler.report.pairs import explain_pair
from glassrt.compiler.report.summary import summarize
from glassrt.compiler.schedule.grouping.levels import Levels
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.normalization import Softmax
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.unary import Abs, Neg, Sigmoid, Tanh
from glassrt.errors import IRError
from glassrt.runtime.engine import Engine
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from ....codegen.ranks import rank
from ....models import light_models, reseed
from ....property.graphs import nets
from ....property.groups import (
    branches,
    families,
    groups,
    inception,
    launches,
    lowered,
    on_host,
    plan_of,
    take_apart,
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
        assert [Rank.TENSOR_CORES, Rank.GENERAL] in found
        assert [Rank.TENSOR_CORES] * 3 in found
        saved = sum(int(r.figures["launches_saved"]) for r in of_rule(context) if r.verdict is Verdict.TAKEN)
        assert len(launches(plain)) - len(launches(module)) == saved > 0

    def test_ops_that_read_the_same_in_one_launch(self) -> None:
        net = Net()
        x = net.input("x", 1, 4, 8, 8)
        module, _ = lowered(net.done(*(net.add(kind, x) for kind in (Sigmoid, Tanh, Abs))))
        (op,) = launches(module)
        assert families(op) == ["loop"] * 3
        assert op.outputs == 3
        assert {value.producer for value in op.reads} == {None}

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
        # Pooling beside the joined 1x1s of each module, then its three other convolutions.
        # The cost model decides by which product each convolution is done.
        kinds = [[family.partition("_")[0] for family in families(op)] for op in groups(module)]
        assert kinds == [["contraction", "loop"], ["contraction"] * 3] * 9
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
    @settings(deadline=None, max_examples=5)
    @given(module=branches(), precision=st.sampled_from(["fp32", "fp16"]))
    def test_a_group_computes_what_its_members_do_bit_for_bit(self, module: Module, precision: str) -> None:
        grouped, context = lowered(module, precision)
        assert not list(faults(grouped))
        taken = [record for record in of_rule(context) if record.verdict is Verdict.TAKEN]
        assert sum(len(members_of(op)) - 1 for op in launches(grouped)) == len(taken)
        apart = parse_module(print_module(grouped), ALL_DIALECTS, grouped.resources)
        take_apart(apart)
        assert len(launches(apart)) == len(launches(grouped)) + len(taken)
        for which in ("minimum", "maximum") if module.symbols else ("optimum",):
            inputs = random_inputs(grouped, seed=3, which=which)
            together, single = on_host(grouped, inputs), on_host(apart, inputs)
            for name, array in together.items():
                assert array.tobytes() == single[name].tobytes(), name

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


class TestLedger:
    def test_nodes_of_one_launch_and_of_one_kernel(self) -> None:
        plan = build(modules(1), Settings()).plan
        facts = Facts.of(plan)
        launch = next(
            launch
            for launch in facts.launches
            if len(launch.members) > 1 and all(member.nodes for member in launch.members)
        )
        first, second = (member.nodes for member in launch.members[:2])
        beside = explain_pair(facts, first[0], second[0])
        assert (beside.verdict, beside.rule) == ("fused", GROUP_LAUNCHES)
        assert beside.launches == (launch.index,)
        wide = next(member.nodes for member in launch.members if len(member.nodes) > 1)
        within = explain_pair(facts, wide[0], wide[1])
        assert within.verdict == "fused"
        assert GROUP_LAUNCHES not in within.rule
        (home,) = explain_node(facts, first[0]).homes
        assert home.family == launch.members[0].family != GROUP
        assert set(second) <= set(home.beside)
        assert not set(second) & set(home.together)

    def test_members_keep_their_formats(self) -> None:
        """What is asked for, chosen and executed is that of the launches that they were."""
        net = Net()
        x = net.input("x", 4, 96)
        made = net.done(net.add(Softmax, x, axis=1), net.add(Neg, x), net.add(Tanh, x))
        policy = PrecisionPolicy("fp16", {"op:neg": "bf16", "op:tanh": "fp32"})
        plan = build(made, Settings(targets=(REFERENCE,), precision=policy, cache=None)).plan
        module = parse_module(plan.ir("launch"), ALL_DIALECTS)
        (op,) = groups(module)
        said = {member.nodes[0]: member.formats for member in members_of(op)}
        requested = {node: formats["requested"].name for node, formats in said.items()}
        assert requested == {"softmax0": "f16", "neg1": "bf16", "tanh2": "f32"}
        assert {formats["executed"].name for formats in said.values()} == {"f32"}
        facts = Facts.of(plan)
        homes = {node: explain_node(facts, node).homes[0].formats["requested"] for node in said}
        assert homes == requested
        assert summarize(facts)["precisions"] == {"f32": 3}

    def test_formats_of_members_that_are_not_there(self) -> None:
        net = Net()
        x = net.input("x", 1, 4, 8, 8)
        module, _ = lowered(net.done(*(net.add(kind, x) for kind in (Sigmoid, Tanh))))
        (op,) = groups(module)
        for wrong in ({"m2_executed": "f32"}, {"m0_stored": "f32"}, {"m0_executed": "f31"}):
            op.member_formats = wrong
            with pytest.raises(IRError, match="cannot be split into the members"):
                members_of(op)

    @settings(deadline=None, max_examples=8)
    @given(module=branches())
    def test_records_agree_with_the_launches(self, module: Module) -> None:
        context = context_of(Settings())
        done = launch_level(module, Settings(), context)
        where: dict[str, set[int]] = {}
        for index, op in enumerate(launches(done)):
            for node in op.location.nodes:
                where.setdefault(node, set()).add(index)
        # Without figures: nothing could run beside anything.
        for record in filter(lambda record: record.figures, of_rule(context)):
            assert record.figures["bytes_saved"] == 0
            if record.verdict is Verdict.TAKEN:
                together = [where[node] for node in record.nodes]  # none for copies of what others make
                assert not together or set.intersection(*together), record.text()
                assert float(record.figures["microseconds_saved"]) >= REFERENCE.fitted.schedule.group_saving
            elif record.figures["microseconds_together"]:
                assert (
                    "waves" in record.reason
                    or float(record.figures["microseconds_saved"]) < REFERENCE.fitted.schedule.group_saving
                )


def test_a_group_that_does_not_come_apart_is_named() -> None:
    net = Net()
    x = net.input("x", 1, 4, 8, 8)
    module, _ = lowered(net.done(net.add(Sigmoid, x), net.add(Tanh, x)))
    (op,) = groups(module)
    op.config = {key: value for key, value in op.config.items() if not key.startswith("m1")}
    with pytest.raises(IRError, match="cannot be split"):
        members_of(op)


class TestLevels:
    def test_slack_lies_between_what_is_needed_and_what_needs(self) -> None:
        levels = Levels([set(), {0}, {1}, set(), {2, 3}])
        assert levels.latest_first() == [4, 2, 1, 0, 3]
        assert levels.choices(4, 9) == range(3, 4)
        assert levels.choices(3, 9) == range(3)
        assert levels.choices(3, 2) == range(2)
        levels.settle(3, 2)
        assert levels.choices(0, 9) == range(1)
