"""Inputs that a run may leave out, in IR text: what a default means, and what is none."""

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
from glassrt.dialects.core.resources import ResourceTable
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph import GRAPH
from glassrt.errors import InputError, IRError

LEVEL = DialectSet((CORE, GRAPH))
TEXT = """module @net {{
  symbol K in [1, 3, 8]
  default "w" = @{}
  func @net(%x: tensor<f32>, %w: tensor<Kxf32>) -> (tensor<Kxf32>) {{inputs = ["x", "w"], outputs = ["y"]}} {{
    %0 = graph.add %x, %w : tensor<Kxf32>
    core.return %0
  }}
}}
"""


def read(array: np.ndarray, old: str = "", new: str = "") -> Module:
    """The module whose default is ARRAY, with OLD in its text replaced by NEW."""
    resources = ResourceTable()
    text = TEXT.format(resources.add(array))
    module = parse_module(text.replace(old, new, 1), LEVEL, resources)
    verify(module, LEVEL)
    assert old or print_module(module) == text
    return module


def test_an_input_that_is_left_out_holds_its_default() -> None:
    module = clone_module(read(np.array([1, 2], np.float32)))
    one = np.float32(1)
    np.testing.assert_array_equal(interpret(module, {"x": one})["y"], [2, 3])
    np.testing.assert_array_equal(interpret(module, {"x": one, "w": np.float32([4])})["y"], [5])
    with pytest.raises(InputError, match="the input 'x' is missing"):
        interpret(module, {"w": np.float32([4])})


@pytest.mark.parametrize(
    ("array", "old", "new", "message"),
    [
        (np.float32([1]), 'default "w"', 'default "v"', "default for 'v', which is not an input"),
        (np.int64([1]), "", "", "is tensor<1xi64>, the input is tensor<Kxf32>"),
        (np.float32([[1]]), "", "", "is tensor<1x1xf32>"),
        (np.zeros(9, np.float32), "", "", "needs K = 9, outside its range 1..8"),
        (np.zeros(3, np.float32), "%w: tensor<K", "%w: tensor<(2*K)", "is tensor<3xf32>"),
        (np.float32([1]), 'default "w"', 'default "w" = @a\n  default "w"', "is given twice"),
    ],
)
def test_what_is_no_default(array: np.ndarray, old: str, new: str, message: str) -> None:
    with pytest.raises(IRError, match=message):
        read(array, old, new)


def test_a_default_whose_weight_is_lost() -> None:
    module = read(np.float32([1]))
    module.resources = ResourceTable()
    with pytest.raises(IRError, match="is not among the module's resources"):
        interpret(module, {"x": np.float32(1)})
