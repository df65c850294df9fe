"""The members of a launch: what a group holds, and in which formats."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.group.formats import member_formats
from glassrt.codegen.families.group.members import member_kernels
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.errors import IRError

from ....property.concat_graphs import lowered
from ....property.side_by_side import APART, launches, side_by_side


def test_a_launch_that_is_no_group_is_its_own_member() -> None:
    module, _ = lowered(side_by_side(), disabled=APART)
    ops = launches(module)
    assert len(ops) == 3
    for op in ops:
        (member,) = member_kernels(op)
        assert member.body is op.body.block and member.family == op.family
        assert (member.reads, member.writes) == (slice(0, len(op.reads)), slice(0, 1))


def test_the_members_of_a_group_share_its_operands_out() -> None:
    module, _ = lowered(side_by_side())
    (op,) = launches(module)
    members = member_kernels(op)
    assert [member.ops for member in members] == ["softmax"] * 3
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
    formats = [member.formats for member in member_kernels(group)]
    assert [each["executed"] for each in formats] == [F32, F16, F32]
    assert [each["requested"] for each in formats] == [F32, F32, F16]


@pytest.mark.parametrize("name", ["m9_compute", "m0_colour", "compute"])
def test_formats_of_no_member_are_refused(name: str) -> None:
    (group,) = launches(lowered(side_by_side())[0])
    group.member_formats = {name: "f32"}
    with pytest.raises(IRError, match="cannot be split into the members"):
        member_kernels(group)
