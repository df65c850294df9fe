"""The members of a launch: what a group holds, in which formats, and for which ONNX nodes."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.group.formats import member_formats
from glassrt.compiler.kernels.members import members_of, nodes_by_launch
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Module
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.normalization import Softmax
from glassrt.dialects.launch import Kernel
from glassrt.errors import IRError
from glassrt.testing.net import Net

from ...property.concat_graphs import lowered

APART = frozenset({"group-launches"})


def side_by_side() -> Module:
    """Small independent launches, which become one group."""
    net = Net()
    rows = [net.add(Softmax, net.input(f"x{i}", 4, 8 + i), axis=1) for i in range(3)]
    return net.done(*rows)


def launches(module: Module) -> list[Kernel]:
    return [op for op in module.main.block if isinstance(op, Kernel)]


def test_a_launch_that_is_no_group_is_its_own_member() -> None:
    module, _ = lowered(side_by_side(), disabled=APART)
    ops = launches(module)
    assert len(ops) == 3
    for op in ops:
        (member,) = members_of(op)
        assert member.body is op.body.block and member.family == op.family
        assert (member.reads, member.writes) == (slice(0, len(op.reads)), slice(0, 1))


def test_the_members_of_a_group_share_its_operands_out() -> None:
    module, _ = lowered(side_by_side())
    (op,) = launches(module)
    members = members_of(op)
    assert sorted(member.nodes for member in members) == [("softmax0",), ("softmax1",), ("softmax2",)]
    for name, values in (("reads", op.reads), ("writes", op.writes)):
        shares = [values[getattr(member, name)] for member in members]
        assert [value for share in shares for value in share] == list(values)
    for member in members:
        assert [v.type for v in op.reads[member.reads]] == [v.type for v in member.body.arguments]


def test_formats_of_members_are_read_back() -> None:
    apart, _ = lowered(side_by_side(), disabled=APART)
    ops = launches(apart)
    ops[1].executed, ops[2].requested = F16, F16
    (group,) = launches(lowered(side_by_side())[0])
    group.member_formats = member_formats(ops)
    formats = [member.formats for member in members_of(group)]
    assert [each["executed"] for each in formats] == [F32, F16, F32]
    assert [each["requested"] for each in formats] == [F32, F32, F16]


@pytest.mark.parametrize("name", ["m9_compute", "m0_colour", "compute"])
def test_formats_of_no_member_are_refused(name: str) -> None:
    (group,) = launches(lowered(side_by_side())[0])
    group.member_formats = {name: "f32"}
    with pytest.raises(IRError, match="does not come apart into the members"):
        members_of(group)


def test_a_copy_stands_for_no_node_and_every_node_for_one_launch() -> None:
    net = Net()
    y = net.add(Softmax, net.input("x", 4, 8), axis=1)
    module, _ = lowered(net.done(y, net.add(Reshape, y, shape=[32])), disabled=APART)
    assert nodes_by_launch(launches(module)) == [("softmax0",), ()]
