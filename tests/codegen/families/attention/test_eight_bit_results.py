"""Results of attention that are rounded to eight bits where they are stored, by every family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.attention.problem import step_of
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import F8E4M3, F32, I8, I16, DType
from glassrt.dialects.graph.quantization import Quantize
from glassrt.testing.net import Net

from ...attention_cases import Shape, module_of
from ...one_kernel import compare, draw_inputs
from .checked import DEVICES

HEADS = Shape(depth=64, width=64, queries=40, heads_inside=True, out=I8, step=0.011)
CASES = {
    "attention_persistent": HEADS,
    "attention_persistent in pairs": replace(HEADS, width=32, out=F8E4M3, step=0.002),
    "attention_mma": HEADS,
    "attention_few": replace(HEADS, queries=2, out=F8E4M3, step=0.002),
    "attention_simt": replace(HEADS, dtype=F32),
}


def by(family: str, request: Request) -> Candidate:
    """The cheapest kernel of FAMILY, and of any where there is no attention."""
    return (families()[family].propose(request) or candidates(request))[0]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_they_are_those_of_the_interpreter(name: str, device: str) -> None:
    """But for what rounds the other way, since weights are rounded relative to another maximum."""
    shape = CASES[name]
    module = module_of(shape)
    data = draw_inputs(module, np.random.default_rng(0))
    [(got, want)] = compare(module, data, lambda request: by(name.split()[0], request), device)
    assert got.dtype == want.dtype == shape.out.numpy  # type: ignore[union-attr]
    apart = np.abs(got.astype(np.float32) - want.astype(np.float32))
    assert np.mean(apart > 0) < 0.02 and np.std(want.astype(np.float32)) > 5
    assert (apart <= (1 if shape.out == I8 else 1 + np.abs(want.astype(np.float32)) / 8)).all()


@pytest.mark.parametrize(
    ("to", "scale", "more", "step"),
    [
        (I8, 0.25, {}, 0.25),
        (F8E4M3, 2.0, {}, 2.0),
        (F8E4M3, 2.0, {"saturate": False}, 0.0),
        (I16, 0.25, {}, 0.0),
        (I8, 0.0, {}, 0.0),
        (I8, 1e-38, {}, 0.0),
        (I8, [0.5, 1.0, 2.0], {"axis": 1}, 0.0),
    ],
)
def test_what_is_rounded_so(to: DType, scale: Any, more: dict[str, Any], step: float) -> None:
    net = Net()
    made = net.add(Quantize, net.input("x", 2, 3), net.const(np.float32(scale)), to=to, **more)
    assert made.producer is not None and step_of(made.producer) == step
