"""What launches become as one group."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.group.launch import GroupLaunch, group_launch
from glassrt.codegen.families.registry import realize
from glassrt.codegen.plan.sources import request_of
from glassrt.codegen.request.request import Config, KernelCode
from glassrt.dialects.core.module import Module
from glassrt.dialects.launch import Kernel

from ....property.concat_graphs import lowered
from ....property.side_by_side import APART, launches, side_by_side


def members_of(module: Module) -> list[tuple[Kernel, Config, KernelCode]]:
    """The launches of MODULE as members, in their own configurations."""
    ops = launches(module)
    codes = [realize(request_of(module, op, REFERENCE), op.family, op.config) for op in ops]
    return [(op, dict(op.config), code) for op, code in zip(ops, codes, strict=True)]


def grouped(members: list[tuple[Kernel, Config, KernelCode]], module: Module, group: Kernel) -> GroupLaunch:
    return group_launch(module, group.body.block, members, REFERENCE)


def test_a_group_has_the_blocks_and_the_configurations_of_its_members() -> None:
    module, _ = lowered(side_by_side(), disabled=APART)
    (group,) = launches(lowered(side_by_side())[0])
    members = members_of(module)
    found = grouped(members, module, group)
    assert found.family == group.family and found.name.startswith("k_softmax_")
    assert found.geometry.grid == (sum(int(str(op.grid[0])) for op, _, _ in members), 1, 1)
    assert found.geometry.block == members[0][0].block
    assert found.config["m1_family"] == members[1][0].family and found.config["m2_reads"] == 1
    assert set(found.formats) == {
        f"m{index}_{key}" for index in range(3) for key in ("requested", "compute", "executed")
    }


def test_members_with_other_blocks_cannot_be_joined() -> None:
    module, _ = lowered(side_by_side(), disabled=APART)
    (group,) = launches(lowered(side_by_side())[0])
    op, config, code = members_of(module)[0]
    x, _, _ = code.geometry.block
    wider = type(code.geometry)(code.geometry.grid, (x // 2, 2, 1))
    odd = type(code)(code.template, code.spec, wider, code.parameters)
    with pytest.raises(ValueError, match="member 0 of the group cannot be one"):
        grouped([(op, config, odd)], module, group)
