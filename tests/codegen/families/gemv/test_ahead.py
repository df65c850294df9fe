"""Weights that a product of few rows brings to the cache for the next: which lines, and that results stay."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from glassrt import load
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.gemv.ahead import SHARE
from glassrt.compiler.api import compile
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.contraction import Matmul
from glassrt.testing.net import Net

LOOP = re.compile(
    r"line < (\d+); .*\n\s*prefetch_l2\(x\d, i64\(line / (\d+)\) \* (\d+) \+ line % \2 \* (\d+)\)"
)


def products(*sizes: int) -> Module:
    """Products behind each other, of SIZES of k and columns."""
    net = Net()
    y = net.input("x", 1, sizes[0])
    for size, columns in pairwise(sizes):
        y = net.add(Matmul, y, net.weights(size, columns, scale=size**-0.5))
    return net.done(y)


def test_a_product_brings_lines_of_the_next() -> None:
    """The first one, which converts its rows, is of another family, and the last has none behind it."""
    module = products(256, 1024, 2048, 1024)
    x = np.random.default_rng(0).standard_normal((1, 256), dtype=np.float32)
    (want,) = interpret(module, {"x": x}).values()
    plan = compile(module, target="host", precision="fp16")
    found = [tuple(map(int, loop)) for text in plan.sources.values() for loop in LOOP.findall(text)]
    assert found == [(1024 * 32, 32, 2048, 64)]
    with load(plan, "host") as engine:
        (have,) = engine.run({"x": x}).values()
    assert np.linalg.norm(have - want) <= 2e-3 * np.linalg.norm(want)


@pytest.mark.parametrize("columns", [1024, 32768])
def test_no_more_comes_than_the_cache_keeps(columns: int) -> None:
    plan = compile(products(256, 1024, 2048, columns), target="sm_90a", precision="fp16")
    (loop,) = (found for text in plan.sources.values() for found in LOOP.findall(text))
    lines, each, step, _ = map(int, loop)
    most = REFERENCE.card.l2_bytes // SHARE
    assert step == 2048 and lines == columns * each
    assert each == min(32, most // columns // 128)
