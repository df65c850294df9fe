"""Pairs of kernels around a product, and the kernel of both."""

from __future__ import annotations

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.precision.few_rows.merge import (
    KernelPair,
    is_halves,
    is_rows,
    merged,
    pairs_before,
    put,
)
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.verifier import verify

from .blocks import block, kernels_of, lowered


def pairs(module: Module) -> list[KernelPair]:
    """The pairs of MODULE that the pass looks at."""
    return [pair for kernel in kernels_of(module) for pair in pairs_before(kernel)]


def test_pairs_are_told_by_what_the_product_reads_and_what_reads_it() -> None:
    found = pairs(lowered(block(), merge=False)[0])
    kinds = [(is_rows(pair), is_halves(pair)) for pair in found]
    assert kinds == [(True, False), (False, True), (True, False)]


def test_a_value_that_both_read_is_one_operand() -> None:
    module, _ = lowered(block(), merge=False)
    _, halves, last = pairs(module)
    region, operands = merged(halves)
    assert len(operands) == len(set(operands)) == len(region.arguments)
    put(halves, region, operands)
    verify(module, ALL_DIALECTS)
    one = last.second.inputs[last.operand].producer
    assert one is not None and one.location == halves.first.location.merged(halves.second.location)
    assert len(kernels_of(module)) == 3


def test_kernels_of_other_blocks_stay_there() -> None:
    module, _ = lowered(block(), merge=False)
    first, *others = pairs(module)
    module.main.block.unlink(first.first)
    assert [pair.first for pair in pairs(module)] == [pair.first for pair in others]
