"""Batches without padding in IR text: what they mean, and what does not fit."""

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
  symbol N in [0, 3, 8]
  symbol S in [0, 4, 8]
  symbol T in [0, 1, 1]
  unpadded "m"
  func @net(%m: tensor<NxSxi64>, %t: tensor<(64*T)xi32>, %p: tensor<(64*T)xi32>, %o: tensor<(N+1)xi32>, \
%q: tensor<NxSxi32>) -> (tensor<(N+1)xi32>) {inputs = ["m", "m.tokens", "m.positions", "m.offsets", \
"m.places"], outputs = ["y"]} {
    %0 = graph.neg %o : tensor<(N+1)xi32>
    core.return %0
  }
}
""".replace("\\\n", "")


def read(old: str = "", new: str = "") -> Module:
    module = parse_module(TEXT.replace(old, new), LEVEL)
    verify(module, LEVEL)
    return module


def test_rows_are_computed_of_the_mask() -> None:
    for module in (read(), clone_module(read()), parse_module(print_module(read()), LEVEL)):
        mask = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]])
        assert interpret(module, {"m": mask})["y"].tolist() == [0, -2, -2, -5]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"m.tokens"', '"tokens"', "it has no input 'm.tokens'"),
        ('unpadded "m"', 'unpadded "k"', "it has no input 'k'"),
        ("64*T", "32*T", r"the 32\*T rows of tokens are no multiple of 64"),
        ("%q: tensor<NxSxi32>", "%q: tensor<SxNxi32>", r"'m.places' is tensor<SxNxi32>, tensor<NxSxi32>"),
        ("%q: tensor<NxSxi32>", "%q: tensor<NxSxi64>", "'m.places' is"),
        ("%m: tensor<NxSxi64>", "%m: tensor<NxSx1xi64>", r"a mask is \[sequences, tokens\]"),
        ('unpadded "m"', 'unpadded "m"\n  unpadded "m"', "two masks"),
    ],
)
def test_what_does_not_fit_is_an_error(old: str, new: str, problem: str) -> None:
    with pytest.raises(IRError, match=problem):
        read(old, new)
