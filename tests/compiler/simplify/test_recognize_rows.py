"""Softmax and norms that exporters spell out are recognized in every spelling, and mean the same."""

from __future__ import annotations

import pytest

from ..spellings import ROWS, Onnx, Spelling
from .recognizing import PASSES, counts, made, run


@pytest.mark.parametrize("name", ROWS)
def test_a_spelling_becomes_one_op(name: str) -> None:
    spelling, wanted = ROWS[name]
    module = made(spelling)
    run(module, *PASSES)
    assert counts(module) == wanted


def other_sum(g: Onnx) -> str:
    power = g("Exp", g.input(2, 8))
    return g("Div", power, g("ReduceSum", g("Exp", g.input(2, 8)), g.ints(-1)))


def two_axes(g: Onnx) -> str:
    power = g("Exp", g.input(2, 3, 8))
    return g("Div", power, g("ReduceSum", power, g.ints(-1, -2)))


def norm(axes: tuple[int, ...], mean_of: tuple[int, ...]) -> Spelling:
    def make(g: Onnx) -> str:
        g.opset = 16
        x = g.input(2, 5, 8)
        centred = g("Sub", x, g.mean(x, mean_of))
        total = g("Add", g.mean(g("Mul", centred, centred), axes), g.const(1e-5))
        return g("Div", centred, g("Sqrt", total))

    return make


def of_another_tensor(g: Onnx) -> str:
    g.opset = 16
    x, z = g.input(2, 5, 8), g.input(2, 5, 8)
    return g("Div", z, g("Sqrt", g("Add", g.mean(g("Mul", x, x), [-1]), g.const(1e-5))))


NEAR: dict[str, Spelling] = {
    "a sum of another tensor": other_sum,
    "a sum over two axes": two_axes,
    "over an inner axis": norm((1,), (1,)),
    "the deviation of another tensor": of_another_tensor,
}


@pytest.mark.parametrize("name", NEAR)
def test_what_is_nearly_one_is_left_as_it_is(name: str) -> None:
    module = made(NEAR[name])
    run(module, *PASSES)
    assert not set(counts(module)) & {"softmax", "layer_norm", "rms_norm"}


def test_a_scale_that_differs_from_row_to_row_stays_outside() -> None:
    def make(g: Onnx) -> str:
        g.opset = 16
        x = g.input(2, 5, 8)
        root = g("Sqrt", g("Add", g.mean(g("Mul", x, x), [-1]), g.const(1e-5)))
        return g("Mul", g.weights(5, 1), g("Div", x, root))

    module = made(make)
    run(module, *PASSES)
    assert counts(module) == {"rms_norm": 1, "mul": 1}


def test_what_is_centred_over_another_axis_is_still_divided_by_its_root_mean_square() -> None:
    module = made(norm((-1,), (1,)))
    run(module, *PASSES)
    assert counts(module) == {"reduce": 1, "sub": 1, "rms_norm": 1}
