"""The ONNX nodes of launches and of their members."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.kernels.members import members_of, nodes_by_launch
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.nodes import explain_node
from glassrt.compiler.report.summary import summarize
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Neg, Sigmoid
from glassrt.errors import IRError
from glassrt.testing.net import Net

from ...property.groups import (
    groups,
    launches,
    lowered,
)
from ...property.side_by_side import APART, side_by_side


def test_members_have_the_nodes_of_their_ops() -> None:
    module, _ = lowered(side_by_side())
    (op,) = launches(module)
    assert sorted(member.nodes for member in members_of(op)) == [("softmax0",), ("softmax1",), ("softmax2",)]


def test_a_copy_stands_for_no_node_and_every_node_for_one_launch() -> None:
    net = Net()
    y = net.add(Softmax, net.input("x", 4, 8), axis=1)
    module, _ = lowered(net.done(y, net.add(Reshape, y, shape=[32])), disabled=APART)
    assert nodes_by_launch(launches(module)) == [("softmax0",), ()]


def test_members_keep_their_formats() -> None:
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


def test_formats_of_members_that_are_not_there() -> None:
    net = Net()
    x = net.input("x", 1, 4, 8, 8)
    module, _ = lowered(net.done(*(net.add(kind, x) for kind in (Sigmoid, Tanh))))
    (op,) = groups(module)
    for wrong in ({"m2_executed": "f32"}, {"m0_stored": "f32"}, {"m0_executed": "f31"}):
        op.member_formats = wrong
        with pytest.raises(IRError, match="cannot be split into the members"):
            members_of(op)


def test_a_group_that_does_not_come_apart_is_named() -> None:
    net = Net()
    x = net.input("x", 1, 4, 8, 8)
    module, _ = lowered(net.done(net.add(Sigmoid, x), net.add(Tanh, x)))
    (op,) = groups(module)
    op.config = {key: value for key, value in op.config.items() if not key.startswith("m1")}
    with pytest.raises(IRError, match="cannot be split"):
        members_of(op)
