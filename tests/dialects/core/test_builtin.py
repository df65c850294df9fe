"""Ops that every level has: ends of blocks, and the barrier between passes."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.builtin import CORE, Barrier, Return, Yield
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.core.types import TensorType


@pytest.mark.parametrize("op", [Return, Yield])
def test_ends_of_blocks_have_operands_and_no_results(op: type[Return] | type[Yield]) -> None:
    block = Block([TensorType((2,), F32)] * 2)
    made = op(*block.arguments)
    assert made.values == tuple(block.arguments) and made.results == ()
    assert has(made, Trait.TERMINATOR) and not has(made, Trait.SIDE_EFFECT)


def test_a_barrier_is_the_identity_and_is_kept() -> None:
    module = Module()
    function = module.add(Function("main", ["x"], ["y"]))
    x = function.block.add_argument(TensorType((3,), F32))
    barrier = function.block.append(Barrier(x))
    function.block.append(Return(barrier.result))
    assert barrier.result.type == x.type and has(barrier, Trait.SIDE_EFFECT)
    given = np.array([1.5, -0.0, np.nan], np.float32)
    np.testing.assert_array_equal(interpret(module, {"x": given})["y"], given)
    assert set(CORE.ops) == {Return, Yield, Barrier}
