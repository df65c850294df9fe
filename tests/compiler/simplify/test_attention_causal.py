"""Causal masks become a flag just where that means the same: also for queries whose keys are all masked."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.elementwise import Where
from glassrt.testing.net import Net

from .recognizing import PASSES, run

TOKENS = 4
BEFORE = np.tri(TOKENS, dtype=np.bool_)


def with_mask(low: float, beside: bool, shape: tuple[int, ...]) -> tuple[Net, Value]:
    """A mask of SHAPE that adds LOW for later keys, alone or beside another."""
    net = Net()
    mask = net.const(np.where(BEFORE, 0, low).astype(np.float32).reshape(shape))
    if beside:
        mask = net.add(Add, mask, net.input("m", 2, 1, 1, TOKENS))
    return net, mask


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("low", [-np.inf, -1e30, -1e9])
def test_numbers_that_are_added(low: float, beside: bool) -> None:
    net, mask = with_mask(low, beside, (1, 1, TOKENS, TOKENS))
    q, k, v = (net.input(name, 2, 3, TOKENS, 8) for name in "qkv")
    module = net.done(net.add(Attention, q, k, v, mask, scale=0.5))
    run(module, *PASSES)
    [op] = [op for op in module.main.block if isinstance(op, Attention)]
    assert op.causal == (low == -np.inf or (low == -1e30 and not beside))
    assert (op.mask is None) == (op.causal and not beside)


def test_a_condition_on_numbers_the_other_way_round() -> None:
    net = Net()
    low, zero = net.const(np.float32(-np.inf)), net.const(np.float32(0))
    later = net.const(~BEFORE)
    q, k, v = (net.input(name, 2, TOKENS, 8) for name in "qkv")
    module = net.done(net.add(Attention, q, k, v, net.add(Where, later, low, zero)))
    run(module, *PASSES)
    [op] = [op for op in module.main.block if isinstance(op, Attention)]
    assert op.causal and op.mask is None
