"""Outputs whose sizes depend on data, in IR text: what a cut means, and what is none."""

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
  cut "y"[1] = "count"
  func @net(%x: tensor<2x3xf32>, %n: tensor<i64>) -> (tensor<2x3xf32>, tensor<i64>) \
{inputs = ["x", "n"], outputs = ["y", "count"]} {
    %0 = graph.relu %x : tensor<2x3xf32>
    core.return %0, %n
  }
}
"""


def read(text: str) -> Module:
    module = parse_module(text, LEVEL)
    verify(module, LEVEL)
    return module


def test_a_cut_gives_an_output_its_true_shape_and_hides_the_count() -> None:
    module = clone_module(read(TEXT))
    assert print_module(module) == TEXT
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for count in (0, 2, 3):
        found = interpret(module, {"x": x, "n": np.array(count)})
        assert list(found) == ["y"]
        np.testing.assert_array_equal(found["y"], x[:, :count])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('cut "y"[1]', 'cut "z"[1]', "no output 'z'"),
        ('cut "y"[1]', 'cut "y"[2]', "axis 2 of the output 'y' cannot be cut"),
        ('= "count"', '= "none"', "no output 'none'"),
        ('cut "y"[1] = "count"', 'cut "y"[1] = "y"', "a count is tensor<i64>"),
        ('cut "y"[1]', 'cut "y"[1] = "count"\n  cut "y"[1]', "is cut twice"),
        ('cut "y"[1]', 'cut "count"[0] = "count"\n  cut "y"[1]', "axis 0 of the output 'count'"),
    ],
)
def test_what_is_no_cut(old: str, new: str, message: str) -> None:
    with pytest.raises(IRError, match=message):
        read(TEXT.replace(old, new, 1))
