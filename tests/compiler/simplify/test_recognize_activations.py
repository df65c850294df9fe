"""Activations that exporters spell out are recognized in every spelling, and mean the same afterwards."""

from __future__ import annotations

import pytest

from ..spellings import ACTIVATIONS, Onnx, Spelling
from .recognizing import PASSES, counts, made, run


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_spelling_becomes_one_op(name: str) -> None:
    spelling, wanted = ACTIVATIONS[name]
    module = made(spelling)
    run(module, *PASSES)
    assert counts(module) == wanted


def gelu(half: float, root: float) -> Spelling:
    def make(g: Onnx) -> str:
        x = g.input(2, 8)
        total = g("Add", g.const(1.0), g("Erf", g("Div", x, g.const(root))))
        return g("Mul", g("Mul", x, g.const(half)), total)

    return make


def of_another(g: Onnx) -> str:
    return g("Mul", g.input(2, 8), g("Sigmoid", g.input(2, 8)))


def broadcast(g: Onnx) -> str:
    """x is a row, and the gate a matrix: x * sigmoid(x) has another shape than x."""
    x = g.input(8)
    return g("Mul", x, g("Sigmoid", g("Expand", x, g.ints(2, 8))))


def clipped(low: float, high: float, by: float) -> Spelling:
    def make(g: Onnx) -> str:
        x = g.input(2, 8)
        gate = g("Clip", g("Add", x, g.const(3.0)), g.const(low), g.const(high))
        return g("Div", g("Mul", x, gate), g.const(by))

    return make


NEAR: dict[str, Spelling] = {
    "gelu with a half too large": gelu(0.51, 2**0.5),
    "gelu with another root": gelu(0.5, 1.42),
    "the gate of another tensor": of_another,
    "a gate of another shape": broadcast,
    "clipped at 5": clipped(0.0, 5.0, 6.0),
    "clipped from 1": clipped(1.0, 6.0, 6.0),
    "by 5": clipped(0.0, 6.0, 5.0),
}


@pytest.mark.parametrize("name", NEAR)
def test_what_is_nearly_one_is_left_as_it_is(name: str) -> None:
    module = made(NEAR[name])
    run(module, *PASSES)
    assert not set(counts(module)) & {"gelu", "swish", "hard_swish"}
