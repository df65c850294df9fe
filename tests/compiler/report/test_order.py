"""The order of two launches in words, where branches and loops are around them."""

from __future__ import annotations

import pytest
from glassrt.compiler.report.facts import Launch
from glassrt.compiler.report.order import order_of
from glassrt.dialects.launch import kernels_in

from ..memory.proofs.test_control import INIT, OUT, branch, loop, read, step

TEXT = INIT + loop(branch(step("v", "t"), step("v", "t")) + step("t", "v")) + OUT
ORDER = {
    (0, 1): "launch 0 runs before launch 1 on stream 0",
    (1, 2): "launches 1 and 2 are in different branches: only one of them runs",
    (1, 3): "launch 1 runs before launch 3 on stream 0, in every iteration",
    (3, 4): "launch 3 runs before launch 4 on stream 0",
}


@pytest.mark.parametrize("pair", ORDER)
def test_two_launches(pair: tuple[int, int]) -> None:
    kernels = kernels_in(read(TEXT).main.block)
    launches = [Launch(index, op, (), ()) for index, op in enumerate(kernels)]
    assert order_of(launches, *pair) == ORDER[pair]
