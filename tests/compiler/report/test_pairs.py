"""Answers are about the edge that was asked for: the rule that decided, and in which direction."""

from __future__ import annotations

from itertools import combinations

from glassrt.compiler.fusion.vertical.record import ELIDE_CONCAT
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.pair_answer import PairAnswer
from glassrt.compiler.report.pairs import explain_pair
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.compiler.schedule.streams.assign import CONCURRENCY
from glassrt.compiler.settings.options import Options
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.launch import Kernel
from glassrt.testing.net import Net
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ...property.concat_graphs import concat_nets
from ...property.graphs import nets
from ...property.groups import branches
from .explained import explained

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink an example takes minutes


def records(facts: Facts, rule: str) -> list[Record]:
    return [record for record in facts.records if record.rule == rule]


def deciding(answer: PairAnswer) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    return answer.verdict, answer.rule, answer.producers, answer.consumers


# ---------------------------------------------------------------- edges


def joined(net: Net) -> tuple[Value, Value, Value]:
    """conv0, and the concat3 of conv1 and conv2, neither of which is a sibling of the other."""
    x = net.conv(net.input("x", 1, 8, 4, 4), 8)
    one, other = net.conv(x, 8, 3), net.conv(x, 8, 5)
    return x, one, net.add(Concat, one, other, axis=1)


def test_an_edge_that_a_rewrite_cut_is_answered_by_the_rewrite() -> None:
    """slice5 of slice4 reads what slice4 reads: both run, and neither reads the other."""
    net = Net()
    _, _, whole = joined(net)
    outer = net.add(Slice, whole, starts=[0, 2, 0, 0], sizes=[1, 12, 4, 4])
    inner = net.add(Slice, outer, starts=[0, 1, 0, 0], sizes=[1, 8, 4, 4])
    module = net.done(net.add(Softmax, outer, axis=1), net.add(Softmax, inner, axis=1))
    facts, _ = explained(module, disabled=frozenset({"view-slice", GROUP_LAUNCHES}))
    for asked in (("slice4", "slice5"), ("slice5", "slice4")):
        answer = explain_pair(facts, *asked)
        assert deciding(answer) == ("rewritten", "slice-slice", ("slice4",), ("slice5",))
        rewritten = "slice5 was rewritten, and they are no longer adjacent"
        assert answer.reason == f"{rewritten}: slice(slice(x)) => slice(x)"


def test_a_slice_of_a_part_of_a_concat_is_rewritten_and_not_elided() -> None:
    """slice4 is conv1, which add6 reads instead; the concat, which nothing reads so, is another matter."""
    net = Net()
    _, _, whole = joined(net)
    part = net.add(Slice, whole, starts=[0, 0, 0, 0], sizes=[1, 8, 4, 4])
    total = net.add(Add, net.conv(whole, 8), part)
    facts, _ = explained(net.done(net.conv(total, 8)))
    answer = explain_pair(facts, "slice4", "concat3")
    assert (answer.a, answer.b) == ("concat3", "slice4")
    assert deciding(answer) == ("rewritten", "slice-concat", ("concat3",), ("slice4",))
    (record,) = records(facts, "slice-concat")
    assert record.text().startswith("taken slice-concat: concat3 -> slice4: ")
    elided = explain_pair(facts, "conv1", "concat3")
    assert (elided.verdict, elided.rule) == ("eliminated", ELIDE_CONCAT)


def test_an_answer_never_comes_from_the_opposite_edge() -> None:
    """The relu is computed once, after the first that reads it: records name it on both sides."""
    net = Net()
    x = net.conv(net.input("x", 1, 8, 4, 4), 8)
    twice = [net.conv(net.add(Relu, x), 8, size) for size in (3, 5)]
    facts, _ = explained(net.done(net.conv(net.add(Add, *twice), 8)))
    for producer, consumer in (("conv2", "add5"), ("conv4", "add5"), ("add5", "conv6")):
        answer = explain_pair(facts, consumer, producer)
        assert (answer.a, answer.b) == (producer, consumer)
        if answer.verdict != "fused":
            assert producer in answer.producers and consumer in answer.consumers
            assert producer not in answer.consumers


def test_an_output_is_named_by_its_record() -> None:
    net = Net()
    x = net.conv(net.input("x", 1, 8, 4, 4), 8)
    facts, _ = explained(net.done(x, net.conv(x, 8)))
    found = [r for r in records(facts, "contraction-epilogue") if r.reason == "it is an output"]
    assert [(r.producers, r.ops[-1]) for r in found] == [(("conv1",), "output y1")]
    assert found[0].text().startswith("refused contraction-epilogue: conv1 -> output y1: it is an output")


# ---------------------------------------------------------------- copies and groups


def two_outputs() -> Module:
    """Two convolutions of one input, both outputs: each is copied to the order of outputs."""
    net = Net()
    x = net.input("x", 1, 8, 4, 4)
    return net.done(net.conv(net.add(Relu, net.conv(x, 8, 3)), 8, 5), net.conv(x, 16, 5))


def test_copies_that_share_a_launch_put_no_nodes_together() -> None:
    facts, _ = explained(two_outputs(), options=Options(streams=1))
    (shared,) = (x for x in facts.launches if set(x.op.location.nodes) == {"conv2", "conv3"})
    assert set(shared.nodes) == {"conv2"}  # beside it the copy of what conv3 gives
    (record,) = (r for r in records(facts, GROUP_LAUNCHES) if "conv2" in r.nodes)
    assert (record.verdict, record.nodes) == (Verdict.TAKEN, ("conv2",))
    assert "conv2 -> launch.kernel @k_copy" in record.text()
    answer = explain_pair(facts, "conv2", "conv3")
    assert answer.verdict == "distant" and not answer.launches
    assert all("group-launches" not in text for text in answer.records)


def test_groups_that_are_switched_off_name_what_they_would_have_had() -> None:
    facts, _ = explained(two_outputs(), disabled=frozenset({GROUP_LAUNCHES}), options=Options(streams=1))
    found = records(facts, GROUP_LAUNCHES)
    assert found and {record.verdict for record in found} == {Verdict.DISABLED}
    assert any({"conv0", "relu1", "conv3"} & set(record.nodes) for record in found)
    assert all(record.reason == "the rule group-launches is switched off" for record in found)


@settings(max_examples=12, phases=PHASES)
@given(st.one_of(branches(), concat_nets()))
def test_a_group_on_record_is_a_launch(module: Module) -> None:
    """What the ledger says to be in one launch is so, node by node."""
    facts, _ = explained(module)
    for record in records(facts, GROUP_LAUNCHES):
        if record.verdict is Verdict.TAKEN and record.producers and record.consumers:
            for a in record.producers:
                assert any(
                    a in launch.nodes and record.consumers[-1] in launch.nodes for launch in facts.launches
                ), record.text()


# ---------------------------------------------------------------- streams


def wide() -> Module:
    """Two branches that need nothing of each other, and their sum."""
    net = Net()
    x = net.conv(net.input("x", 1, 64, 8, 8), 64, 1)
    left = net.add(Softmax, net.conv(x, 64, 3), axis=3)
    right = net.add(Softmax, net.conv(x, 64, 5), axis=3)
    return net.done(net.conv(net.add(Add, left, right), 64, 1))


def test_nodes_that_need_nothing_of_each_other_say_how_streams_order_them() -> None:
    facts, _ = explained(wide(), options=Options(streams=2), disabled=frozenset({GROUP_LAUNCHES}))
    (record,) = records(facts, CONCURRENCY)
    assert {"conv0", "conv1", "softmax2", "conv3", "softmax4", "conv6"} <= set(record.nodes)
    beside = explain_pair(facts, "conv1", "conv3")
    assert (beside.verdict, beside.rule) == ("disabled", GROUP_LAUNCHES)
    assert "run concurrently on streams" in beside.order
    answer = explain_pair(facts, "softmax2", "conv3")
    assert (answer.verdict, answer.rule) == ("distant", CONCURRENCY)
    assert answer.order in answer.reason and "stream" in answer.order
    starts = [explain_pair(facts, "conv0", name).order for name in ("conv1", "conv3")]
    assert sum("ordered by event" in order for order in starts) == 1


def test_on_one_stream_launches_follow_each_other() -> None:
    facts, _ = explained(wide(), options=Options(streams=1), disabled=frozenset({GROUP_LAUNCHES}))
    order = explain_pair(facts, "softmax2", "conv3").order
    assert order.startswith("launch ") and order.endswith("on stream 0")


def test_concurrency_that_is_switched_off_names_the_nodes() -> None:
    facts, _ = explained(wide(), disabled=frozenset({GROUP_LAUNCHES, CONCURRENCY}))
    (record,) = records(facts, CONCURRENCY)
    assert record.verdict is Verdict.DISABLED and {"conv1", "conv3"} <= set(record.nodes)
    answer = explain_pair(facts, "softmax2", "conv3")
    assert answer.rule == CONCURRENCY and "disabled: the rule concurrency is switched off" in answer.reason


@settings(max_examples=15, phases=PHASES)
@given(st.one_of(branches(), nets()), st.sampled_from([2, 3]))
def test_what_is_said_of_streams_is_what_streams_and_waits_say(module: Module, streams: int) -> None:
    facts, levels = explained(module, options=Options(streams=streams), disabled=frozenset({GROUP_LAUNCHES}))
    kernels = [op for op in levels["launch"].main.block if isinstance(op, Kernel)]
    ended: list[set[int]] = []
    for index, op in enumerate(kernels):
        before = [other for other in range(index) if kernels[other].stream == op.stream]
        direct = {*op.waits, *before}
        ended.append(direct.union(*(ended[other] for other in direct)))
    for a, b in combinations(facts.where, 2):
        answer = explain_pair(facts, a, b)
        if answer.launches or not answer.order:
            continue
        first, second = sorted((answer.places[0][-1], answer.places[1][0]))
        assert ("concurrently" in answer.order) == (first not in ended[second]), answer
        assert f"{first}" in answer.order and f"{second}" in answer.order
