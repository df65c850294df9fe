"""Batches without padding in IR text: what they mean, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.builtin import CORE
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module, Unpadded
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.unpadded import without_padding
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph import GRAPH
from glassrt.errors import IRError

LEVEL = DialectSet((CORE, GRAPH))
TEXT = """module @net {
  symbol N in [0, 3, 8]
  symbol S in [0, 4, 8]
  symbol T in [0, 1, 1]
  unpadded "m" {"z" = [0, 1]}
  func @net(%m: tensor<NxSxi64>, %t: tensor<(64*T)xi32>, %p: tensor<(64*T)xi32>, %o: tensor<(N+1)xi32>, \
%q: tensor<NxSxi32>, %z: tensor<NxSxf32>) -> (tensor<(N+1)xi32>, tensor<NxSxf32>) \
{inputs = ["m", "m.tokens", "m.positions", "m.offsets", \
"m.places", "z0"], outputs = ["y", "z"]} {
    %0 = graph.neg %o : tensor<(N+1)xi32>
    core.return %0, %z
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
        found = interpret(module, {"m": mask, "z0": np.zeros((3, 4), np.float32)})
        assert found["y"].tolist() == [0, -2, -2, -5]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"m.tokens"', '"tokens"', "it has no input 'm.tokens'"),
        ('unpadded "m"', 'unpadded "k"', "it has no input 'k'"),
        ('"z" = [0, 1]', '"x" = [0, 1]', "it has no output 'x'"),
        ("[0, 1]", "[0, 2]", r"the output 'z' is tensor<NxSxf32>, without axes \[0, 2\]"),
        ("[0, 1]", "[1, 1]", "without axes"),
        ("[0, 1]", "[1, 0]", "are not those of the mask"),
        ("[0, 1]", "[1]", "are not those of the mask"),
        ('"z" = [0, 1]', '"z" = [0, 1], "z" = [0, 1]', 'the padded output "z" is given twice'),
        ("64*T", "32*T", r"the 32\*T rows of tokens are no multiple of 64"),
        ("%q: tensor<NxSxi32>", "%q: tensor<SxNxi32>", r"'m.places' is tensor<SxNxi32>, tensor<NxSxi32>"),
        ("%q: tensor<NxSxi32>", "%q: tensor<NxSxi64>", "'m.places' is"),
        ("%m: tensor<NxSxi64>", "%m: tensor<NxSx1xi64>", r"a mask is \[sequences, tokens\]"),
        ('unpadded "m"', 'unpadded "m" {}\n  unpadded "m"', "two masks"),
    ],
)
def test_what_does_not_fit_is_an_error(old: str, new: str, problem: str) -> None:
    with pytest.raises(IRError, match=problem):
        read(old, new)


@pytest.mark.parametrize(
    ("shape", "axes"), [((2, 3), (0, 1)), ((2, 3, 2), (0, 1)), ((3, 4, 2), (2, 0)), ((5, 6), (1,))]
)
def test_padded_results_without_their_padding(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    kept = np.array([[1, 0, 1], [1, 1, 0]])
    module = read()
    module.unpadded = Unpadded("m", {"y": axes})
    results = {"y": np.full(shape, np.nan), "pooled": np.ones((2, 3))}
    found = without_padding(module, results, {"m": kept})
    seen = np.moveaxis(found["y"], axes, range(len(axes)))
    have = kept.reshape(seen.shape[: len(axes)]) == 1
    assert np.isnan(seen[have]).all() and not seen[~have].any()
    assert found["pooled"].all()
    module.unpadded = None
    assert without_padding(module, results, {}).keys() == results.keys()
