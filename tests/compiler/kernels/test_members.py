"""The ONNX nodes of launches and of their members."""

from __future__ import annotations

from glassrt.compiler.kernels.members import members_of, nodes_by_launch
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.softmax import Softmax
from glassrt.testing.net import Net

from ...property.concat_graphs import lowered
from ...property.side_by_side import APART, launches, side_by_side


def test_members_have_the_nodes_of_their_ops() -> None:
    module, _ = lowered(side_by_side())
    (op,) = launches(module)
    assert sorted(member.nodes for member in members_of(op)) == [("softmax0",), ("softmax1",), ("softmax2",)]


def test_a_copy_stands_for_no_node_and_every_node_for_one_launch() -> None:
    net = Net()
    y = net.add(Softmax, net.input("x", 4, 8), axis=1)
    module, _ = lowered(net.done(y, net.add(Reshape, y, shape=[32])), disabled=APART)
    assert nodes_by_launch(launches(module)) == [("softmax0",), ()]
