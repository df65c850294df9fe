"""Answers about one node: where it runs, with what and in which formats, or what took it away."""

from __future__ import annotations

import pytest
from glassrt.compiler.report.nodes import explain_node, fate_of
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.location import UNKNOWN
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Abs, Exp, Neg
from glassrt.errors import InputError
from glassrt.testing.net import Net

from .explained import answer_of, facts_of, residual_net


def test_rewritten_nodes_say_what_rewrote_them() -> None:
    net = Net()
    x = net.input("x", 2, 3, 4, 4)
    twice = net.add(Neg, net.add(Neg, x))
    y = net.batch_norm(net.conv(net.add(Exp, twice), 4))
    known = net.add(Mul, net.weights(1), net.weights(1))
    module = net.done(net.add(Add, net.add(Transpose, y, perm=[0, 2, 3, 1]), known))
    facts = facts_of(module)
    neg = explain_node(facts, "neg1").fate
    assert (neg.state, neg.rule) == ("eliminated", "involution")
    assert explain_node(facts, "neg0").fate.rule == "involution"
    assert answer_of(facts, "neg0", "neg1") == ("eliminated", "involution")
    assert answer_of(facts, "conv3", "batch_norm4")[0] == "fused"
    assert explain_node(facts, "mul5").fate.state == "constant"
    assert answer_of(facts, "mul5", "add7") == ("constant", "fold-constants")


def test_a_node_says_where_it_is_and_in_which_formats() -> None:
    policy = PrecisionPolicy.named("fp16")
    facts = facts_of(residual_net(), policy=policy)
    answer = explain_node(facts, "relu2")
    (home,) = answer.homes
    assert home.launch == next(launch.index for launch in facts.launches if "relu2" in launch.nodes)
    assert home.together == ("conv0", "add1")
    assert home.family == facts.launches[home.launch].op.family
    formats = home.formats
    assert (formats["requested"], formats["compute"], formats["accumulate"]) == ("f16", "f16", "f32")
    assert formats["why"]
    assert any(record.startswith("taken contraction-epilogue: add1 -> relu2") for record in answer.records)


def test_a_plan_without_nodes_says_so() -> None:
    module = residual_net()
    for op in module.main.block:
        op.location = UNKNOWN
    with pytest.raises(InputError, match="names no nodes"):
        explain_node(facts_of(module), "conv0")


def test_a_view_runs_nowhere() -> None:
    answer = explain_node(facts_of(residual_net()), "reshape6")
    assert (answer.fate.state, answer.fate.rule, answer.homes) == ("view", "view", ())
    assert answer.ops == ("graph.reshape",)


def test_what_no_output_needs_is_gone() -> None:
    net = Net()
    x = net.input("x", 4)
    net.add(Exp, net.add(Neg, x))
    facts = facts_of(net.done(net.add(Abs, x)))
    for node in ("neg0", "exp1"):
        assert fate_of(facts, node).reason == "no output of the model depends on it"
        assert (fate_of(facts, node).state, fate_of(facts, node).rule) == ("eliminated", "dce")


def test_members_of_a_group_are_beside_each_other() -> None:
    net = Net()
    x = net.input("x", 2, 8)
    facts = facts_of(net.done(net.add(Softmax, x, axis=1), net.add(Exp, net.add(Neg, net.input("z", 2, 8)))))
    grouped = next(launch for launch in facts.launches if len(launch.members) > 1)
    first, second = (member.nodes for member in grouped.members)
    (home,) = explain_node(facts, first[0]).homes
    assert set(home.together) == set(first) - {first[0]} and set(home.beside) == set(second)
    assert home.family == grouped.members[0].family != grouped.op.family


def test_an_answer_is_json() -> None:
    data = explain_node(facts_of(residual_net()), "y").to_json()
    assert (data["asked"], data["node"], data["state"]) == ("y", "add8", "runs")
    (home,) = data["launches"]
    assert isinstance(home["together"], list) and home["beside"] == []
