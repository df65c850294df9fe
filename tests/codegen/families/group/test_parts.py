"""A group's configuration and the parts of its members."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.group.parts import Share, group_config, member_blocks, shares_of

from ....property.groups import groups
from .grouped_modules import everything, grouped


class TestParts:
    def test_configurations_go_there_and_back(self) -> None:
        shares = [Share("loop", 1, 2, {"lanes": 4, "threads": 128}), Share("row", 2, 1, {"rows": 8})]
        assert shares_of(group_config(shares)) == shares

    def test_members_that_share_a_value_do_not_come_apart(self) -> None:
        op = groups(grouped(everything()))[0]
        shares = shares_of(dict(op.config))
        assert len(member_blocks(op.body.block, shares)) == len(shares)
        first, *rest, last = (replace(share, reads=share.reads) for share in shares)
        greedy = [replace(first, reads=first.reads + last.reads), *rest, replace(last, reads=0)]
        with pytest.raises(ValueError, match=r"reads an input of member|share a value"):
            member_blocks(op.body.block, greedy)
        with pytest.raises(ValueError, match="as many inputs and results"):
            member_blocks(op.body.block, shares[:-1])
