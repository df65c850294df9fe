"""The time of a group, from those of its members."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.fitted import (
    RegistersFit,
)
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.group.cost import MemberLoad, resident, together
from glassrt.codegen.request.request import Geometry, KernelCode

from ...fitted_targets import fitted


class TestCost:
    def load(
        self, microseconds: float, blocks: int, resident: int = 2, contraction: bool = True
    ) -> MemberLoad:
        return MemberLoad(microseconds, blocks, 128, resident, contraction)

    def test_small_launches_take_as_long_as_the_longest(self) -> None:
        assert together([self.load(3.0, 20), self.load(5.0, 30)], REFERENCE) == pytest.approx(5.0)

    def test_full_ones_take_their_sum(self) -> None:
        two = [self.load(3.0, 132), self.load(5.0, 132)]
        assert together(two, REFERENCE) == pytest.approx(8.0 - REFERENCE.fitted.contraction.launch)

    def test_a_demanding_member_leaves_less_room_for_the_others(self) -> None:
        launch = REFERENCE.fitted.contraction.launch
        loop = self.load(3.0, 132 * 8, resident=16, contraction=False)
        beside_narrow = together([loop, self.load(3.0, 10, resident=16)], REFERENCE)
        beside_wide = together([loop, self.load(3.0, 10, resident=2)], REFERENCE)
        assert beside_wide == pytest.approx(launch + 4 * (3.0 - launch) * 1.0, rel=0.1)
        assert beside_narrow < beside_wide


def test_the_occupancy_of_other_kernels_follows_from_their_registers() -> None:
    code = KernelCode("kernels/loop.cu.j2", None, Geometry((1, 1, 1), (256, 1, 1)), ())
    targets = REFERENCE, fitted("registers", RegistersFit(other=128))
    assert [resident(code, target) for target in targets] == [5, 2]
