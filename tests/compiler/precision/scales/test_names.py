"""Names of tensors that may be stored in eight bits, and the hash of a network."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.precision.scales.names import HASH_DIGITS, model_hash, tensor_names
from glassrt.dialects.core.parser import parse_module

TEXT = """module @net {
  symbol N in [1, 2, 8]
  func @main(%x: tensor<Nx4xf32>) -> (tensor<Nx4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %0 = graph.neg %x : tensor<Nx4xf32> loc("a" -> "t")
    %named = graph.abs %0 : tensor<Nx4xf32> loc("a")
    %1 = graph.leaky_relu %named {alpha = 0.5} : tensor<Nx4xf32> loc("b")
    %2 = graph.neg %1 : tensor<Nx4xf32> loc("b")
    %3 = graph.neg %2 : tensor<Nx4xf32> loc("b")
    %4 = graph.neg %3 : tensor<Nx4xf32>
    %5 = graph.cast %4 {to = f64} : tensor<Nx4xf64>
    %6 = graph.cast %5 {to = f32} : tensor<Nx4xf32>
    core.return %6
  }
}
"""


def named(text: str = TEXT) -> list[str]:
    return list(tensor_names(parse_module(text, ALL_DIALECTS).main).values())


def test_names_are_those_of_the_model_or_made_of_nodes() -> None:
    first = named()
    assert first[0] == "x" and first[-1] == "y" and "named" in first
    assert first[-5:-1] == ["b/leaky_relu", "b/neg", "b/neg.2", "neg"]
    assert len(first) == 8 and len(set(first)) == 8


def test_names_that_are_taken_get_a_number() -> None:
    assert named(TEXT.replace('["x"]', '["neg"]'))[-2] == "neg.2"


INNER = """module @net {
  func @main(%x: tensor<4xf32>, %c: tensor<bool>) -> (tensor<4xf32>) {inputs = ["x", "c"], outputs = ["y"]} {
    %y = control.loop _, _, %x, %c {carried = 1, count = 3} : tensor<4xf32> loc("l") {
      ^(%i: tensor<i64>, %1: tensor<4xf32>, %d: tensor<bool>):
        %y = control.if %d, %1 : tensor<4xf32> {
          ^(%p: tensor<4xf32>):
            %named = graph.neg %p : tensor<4xf32>
            control.yield %named
          ^(%q: tensor<4xf32>):
            %0 = graph.abs %q : tensor<4xf32> loc("a")
            control.yield %0
        }
        control.yield %y
    }
    core.return %y
  }
}
"""


def test_what_control_flow_computes_and_carries_has_names_after_the_others() -> None:
    """Not what it captures: that has one outside."""
    assert named(INNER) == ["x", "y", "l/carried", "if", "named", "a/abs"]


HASH = model_hash(parse_module(TEXT, ALL_DIALECTS))


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("[1, 2, 8]", "[1, 4, 64]", True),
        ("Nx4x", "Nx5x", True),
        ("%named", "%other", True),
        ("alpha = 0.5", "alpha = 0.25", False),
        ('loc("a")', 'loc("z")', False),
        ("graph.abs", "graph.neg", False),
        ("f64", "f16", False),
        ('outputs = ["y"]', 'outputs = ["z"]', False),
        ("%3 = graph.neg %2", "%3 = graph.neg %1", False),
    ],
)
def test_the_hash_is_of_the_network_and_not_of_its_sizes(old: str, new: str, same: bool) -> None:
    assert old in TEXT and len(HASH) == HASH_DIGITS
    assert (model_hash(parse_module(TEXT.replace(old, new), ALL_DIALECTS)) == HASH) == same
