"""Inputs of any rank in IR text: what they mean, and what cannot have their shape."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.builtin import CORE
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph import GRAPH
from glassrt.errors import IRError

LEVEL = DialectSet((CORE, GRAPH))
TEXT = """module @net {
  symbol K in [0, 3, 64]
  unranked "y" = "x"
  func @net(%x: tensor<Kxf32>, %w: tensor<2xf32>) -> (tensor<Kxf32>, tensor<2xf32>) {inputs = ["x", "w"], \
outputs = ["y", "z"]} {
    %0 = graph.relu %x : tensor<Kxf32>
    %1 = graph.relu %w : tensor<2xf32>
    core.return %0, %1
  }
}
""".replace("\\\n", "")


def read(old: str = "", new: str = "") -> Module:
    module = parse_module(TEXT.replace(old, new, 1), LEVEL)
    verify(module, LEVEL)
    return module


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3), ()])
def test_a_result_has_the_shape_of_its_input(shape: tuple[int, ...]) -> None:
    module = clone_module(read())
    assert print_module(module) == TEXT
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    found = interpret(module, {"x": x, "w": np.float32([1, -1])})
    np.testing.assert_array_equal(found["y"], np.maximum(x, 0))
    assert found["y"].shape == shape and found["z"].shape == (2,)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"y" = "x"', '"v" = "x"', "it has no output 'v', which is unranked"),
        ('"y" = "x"', '"y" = "v"', "it has no input 'v', which is unranked"),
        ('"y" = "x"', '"y" = "w"', "whose shape it has, tensor<2xf32>"),
        ('unranked "y" = "x"', 'unranked "y" = "x"\n  unranked "y" = "x"', "is given twice"),
    ],
)
def test_what_cannot_have_the_shape(old: str, new: str, message: str) -> None:
    with pytest.raises(IRError, match=message):
        read(old, new)
