"""What values are made of through control flow, and which ops a loop feeds their own results."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.patterns.flow import is_fed_back, makers, sources_in
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.parser import parse_module

# s is fed back through a branch; what it adds to t is not, nor is what reads the input.
LOOP = """module @net {
  func @main(%x: tensor<4xf32>, %c: tensor<bool>) -> (tensor<4xf32>, tensor<4xf32>) NAMES {
    %before = graph.exp %x : tensor<4xf32>
    %y, %z = control.loop _, _, %x, %x, %before, %c {carried = 2, count = 3} : tensor<4xf32>, tensor<4xf32> {
      ^(%i: tensor<i64>, %s: tensor<4xf32>, %t: tensor<4xf32>, %e: tensor<4xf32>, %d: tensor<bool>):
        %input = graph.abs %e : tensor<4xf32>
        %other = graph.tanh %s : tensor<4xf32>
        %next = control.if %d, %s, %input : tensor<4xf32> {
          ^(%p: tensor<4xf32>, %r: tensor<4xf32>):
            %back = graph.neg %p : tensor<4xf32>
            control.yield %back
          ^(%p: tensor<4xf32>, %r: tensor<4xf32>):
            %copy = graph.relu %r : tensor<4xf32>
            control.yield %copy
        }
        %sum = graph.add %t, %other : tensor<4xf32>
        control.yield %next, %sum
    }
    core.return %y, %z
  }
}
""".replace("NAMES", '{inputs = ["x", "c"], outputs = ["y", "z"]}')


def parsed() -> tuple[dict[str, Operation], dict[str, list[str]]]:
    """The ops of LOOP by name, and the names of the makers of each of its outputs."""
    module = parse_module(LOOP, ALL_DIALECTS)
    ops = {op.name.rpartition(".")[2]: op for op in module.walk()}
    sources = sources_in(module.main)
    found = {
        name: [op.name.rpartition(".")[2] for op in makers([value], sources, lambda op: False)]
        for name, value in zip(module.main.outputs, module.main.returned, strict=True)
    }
    return ops, found


@pytest.mark.parametrize(
    ("name", "fed"),
    [("neg", True), ("add", True), ("tanh", False), ("abs", False), ("relu", False), ("exp", False)],
)
def test_what_is_fed_back(name: str, fed: bool) -> None:
    ops, _ = parsed()
    op = ops[name]
    module = op.module
    assert module is not None
    assert is_fed_back(op, sources_in(module.main)) is fed


def test_the_makers_of_a_result_are_found_in_the_regions() -> None:
    _, found = parsed()
    assert set(found["y"]) == {"loop", "if", "neg", "relu", "abs", "exp"}
    assert set(found["z"]) == {"loop", "add", "tanh", "if", "neg", "relu", "abs", "exp"}


def test_makers_end_where_they_are_told_to() -> None:
    module = parse_module(LOOP, ALL_DIALECTS)
    ends = makers(module.main.returned, sources_in(module.main), lambda op: op.name == "control.if")
    assert {"graph.neg", "graph.abs"}.isdisjoint(op.name for op in ends)
