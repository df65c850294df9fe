"""The ops that stand for an arrangement give what the chain of movement gave that it is of."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.patterns.arrange import arranged
from glassrt.compiler.patterns.arrangement import Rearrangement, moves_into
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.testing.net import Net

FACTORS = (2, 3, 1, 2, 5)


def some_move(net: Net, x: Value) -> Value:
    """X, moved by a random op: a reshape that joins or cuts at factors, a transpose, or a slice."""
    shape = [int(size) for size in x.type.shape if isinstance(size, int)]
    match net.random.integers(4):
        case 0:
            at = int(net.random.integers(len(shape)))
            low = next((f for f in (2, 3, 5) if shape[at] % f == 0), 1)
            return net.add(Reshape, x, shape=[*shape[:at], shape[at] // low, low, *shape[at + 1 :]])
        case 1 if len(shape) > 1:
            at = int(net.random.integers(len(shape) - 1))
            return net.add(Reshape, x, shape=[*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :]])
        case 2 if len(shape) > 1:
            return net.add(Transpose, x, perm=net.random.permutation(len(shape)).tolist())
    at = int(net.random.integers(len(shape)))
    start = int(net.random.integers(shape[at]))
    starts, sizes = [0] * len(shape), list(shape)
    starts[at], sizes[at] = start, int(net.random.integers(1, shape[at] - start + 1))
    return net.add(Slice, x, starts=starts, sizes=sizes)


@pytest.mark.parametrize("seed", range(12))
def test_random_chains(seed: int) -> None:
    """Of 12 random chains at least half are arrangements, and these give the same elements."""
    expressed = 0
    for again in range(12):
        net = Net(seed=seed * 100 + again)
        x = y = net.input("x", *FACTORS[: 2 + again % 4])
        for _ in range(2 + again // 3):
            y = some_move(net, y)
        source, chain = moves_into(y)
        found = Rearrangement.through(source.type.shape, chain)
        if found is None:
            continue
        expressed += 1
        z = arranged(source, found, net.function.block.append)
        assert sum(isinstance(op, Transpose) for op in net.function.block) <= 1 + sum(
            isinstance(op, Transpose) for op in chain
        )
        module = net.done(y, z)
        size = int(np.prod(FACTORS[: 2 + again % 4]))
        given = np.arange(size, dtype=np.float32).reshape(FACTORS[: 2 + again % 4])
        first, second = interpret(module, {"x": given}).values()
        np.testing.assert_array_equal(first, second)
        assert x.type.shape == source.type.shape
    assert expressed >= 6
