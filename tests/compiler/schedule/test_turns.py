"""Launches that take their tiles from the last to the first."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import families
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.schedule.turns import retake
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.launch import kernels_in
from glassrt.testing.net import Net


def turned(rows: int) -> list[int]:
    """Of each launch of four products in f16 but the first, which converts, with results of ROWS by 256."""
    net = Net()
    value = net.input("x", rows, 256)
    for _ in range(4):
        value = net.add(Relu, net.linear(value, 256))
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"))
    module = PassManager(passes_through("launch", REFERENCE), context).run(net.done(value))
    kernels = list(kernels_in(module.main.block))
    return [op.config.get("turned", 0) for op in kernels if families()[op.family].turns]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(200_000, [1, 0, 1]), (20_000, [0, 0, 0])],  # 102 MB, and 10, of a cache of 50
    ids=["large", "small"],
)
def test_a_launch_turns_where_the_one_before_left_its_end_in_the_cache(
    rows: int, expected: list[int]
) -> None:
    assert turned(rows) == expected


def test_launches_turn_anew_where_others_have_gone() -> None:
    """Before the first of the others, no launch is left whose results it finds in the cache."""
    net = Net()
    value = net.input("x", 200_000, 256)
    for _ in range(4):
        value = net.add(Relu, net.linear(value, 256))
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"))
    module = PassManager(passes_through("launch", REFERENCE), context).run(net.done(value))
    retake(module, [op for op in kernels_in(module.main.block) if families()[op.family].turns], REFERENCE)
    again = [op for op in kernels_in(module.main.block) if families()[op.family].turns]
    assert [op.config.get("turned", 0) for op in again] == [0, 1, 0]
