"""Packed weights that no product multiplies as they are: floats of the plan, or unpacked in each run."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import PrecisionPolicy, compile, load
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.unpack_once import RULE, UnpackOnce

from ...packed_models import nbits

CASE = nbits(40, 64, 32)


@pytest.mark.parametrize("once", [True, False], ids=["once", "each run"])
def test_both_ways_give_the_same(once: bool) -> None:
    disabled = frozenset() if once else frozenset({RULE})
    plan = build(CASE.model, Settings((), PrecisionPolicy("fp16"), disabled=disabled)).plan
    assert ("graph.unpack_weights" in plan.ir("launch")) != once
    assert ("a launch ahead of the product" in str(plan.decisions)) != once and RULE in str(plan.decisions)
    x = np.random.default_rng(0).standard_normal((40, 64)).astype(np.float16)
    with load(plan, "host") as engine:
        (y,) = engine.run({"x": x}).values()
    np.testing.assert_allclose(y, CASE.wanted(x), rtol=2e-3, atol=4e-3 * np.abs(y).max())


def test_weights_that_products_multiply_stay() -> None:
    plan = compile(nbits(1, 64, 32).model, target="host", precision="fp16")
    assert "graph.packed_matmul" in plan.ir("launch")
    assert UnpackOnce.name not in str(plan.decisions)
