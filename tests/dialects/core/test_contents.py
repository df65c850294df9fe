"""Contents of inputs in IR text: what they mean, and which are no contents."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.importer import import_model
from glassrt.dialects.core.builtin import CORE
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph import GRAPH
from glassrt.errors import InputError, IRError
from onnx import helper

LEVEL = DialectSet((CORE, GRAPH))
TEXT = """module @net {
  symbol n in [-4, 2, 8]
  symbol S0 = max(n, 0) in [0, 2, 8]
  content "k" = [2*n+1, 3]
  constraint S0 >= 1 "there is something to repeat"
  func @net(%x: tensor<1xf32>, %k: tensor<2xi64>) -> (tensor<S0xf32>) {inputs = ["x", "k"], outputs = ["y"]} {
    %y = graph.expand %x {shape = [S0]} : tensor<S0xf32>
    core.return %y
  }
}
"""


def read(text: str) -> Module:
    module = parse_module(text, LEVEL)
    verify(module, LEVEL)
    return module


def run(module: Module, *numbers: int) -> int:
    inputs = {"x": np.ones(1, np.float32), "k": np.array(numbers, np.int64)}
    return len(interpret(module, inputs)["y"])


def test_a_content_gives_symbols_their_values() -> None:
    module = read(TEXT)
    assert print_module(module) == TEXT
    assert [run(clone_module(module), 2 * n + 1, 3) for n in (1, 5, 8)] == [1, 5, 8]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((4, 3), "input 'k' holds 4 where 2\\*n\\+1 is expected"),
        ((5, 2), "input 'k' holds 2 where 3 is expected"),
        ((5,), "holds 1 numbers, 2 are expected"),
        ((-3, 3), "there is something to repeat"),
        ((19, 3), "n = 9 is outside its range -4 to 8"),
    ],
)
def test_an_input_holds_what_its_content_says(numbers: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(read(TEXT), *numbers)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('content "k"', 'content "j"', "no input 'j', whose content is given"),
        ("[2*n+1, 3]", "[2*n+1]", "has 1 numbers, 2 are expected"),
        ("[2*n+1, 3]", "[m, n]", "no symbol 'm' is declared before this line"),
        ("%k: tensor<2xi64>", "%k: tensor<2xbool>", "cannot be known"),
        ("%k: tensor<2xi64>", "%k: tensor<2xf32>", "has 2 numbers, 4 are expected"),
        ("%k: tensor<2xi64>", "%k: tensor<65xi64>", "at most 64 numbers"),
        ("[2*n+1, 3]", "[n*n, 3]", "the size n cannot be negative|to which no input gives a value"),
        ('  content "k" = [2*n+1, 3]\n', "", "the size n cannot be negative"),
        ('  content "k" = [2*n+1, 3]\n', '  content "k" = [n, 1]\n' * 2, 'the content of "k" is given twice'),
    ],
)
def test_what_is_no_content(old: str, new: str, message: str) -> None:
    with pytest.raises(IRError, match=message):
        read(TEXT.replace(old, new))


def test_the_importer_is_not_confused_by_a_dimension_called_content() -> None:
    made = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "named",
        [helper.make_tensor_value_info("x", 1, ["content"])],
        [helper.make_empty_tensor_value_info("y")],
    )
    module = import_model(helper.make_model(made, ir_version=9))
    assert print_module(read(print_module(module))) == print_module(module)
