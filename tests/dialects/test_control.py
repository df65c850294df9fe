"""Control flow as text: what it means, that it is read back as printed, and which texts are refused."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import IRError
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.control import blocks_in
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify

BRANCH = """module @m {
  symbol N in [0, 4, 8]
  func @main(%c: tensor<bool>, %x: tensor<Nxf32>) -> (tensor<Nxf32>) {inputs = ["c", "x"], outputs = ["y"]} {
    %y = control.if %c, %x : tensor<Nxf32> {
      ^(%a: tensor<Nxf32>):
        %neg = graph.neg %a : tensor<Nxf32>
        control.yield %neg
      ^(%b: tensor<Nxf32>):
        %twice = graph.add %b, %b : tensor<Nxf32>
        control.yield %twice
    }
    core.return %y
  }
}
"""

# The sums of x and of its prefixes: element i of `parts` is the sum up to the iteration i.
PREFIX = """module @m {
  symbol T in [0, 4, 8]
  func @main(%x: tensor<Tx3xf32>, %h: tensor<3xf32>) -> (tensor<3xf32>, tensor<Tx3xf32>)
      {inputs = ["x", "h"], outputs = ["sum", "parts"]} {
    %sum, %parts = control.loop _, _, %h, %x {carried = 1, count = T} : tensor<3xf32>, tensor<Tx3xf32> {
      ^(%i: tensor<i64>, %s: tensor<3xf32>, %all: tensor<Tx3xf32>):
        %row = graph.gather %all, %i {axis = 0} : tensor<3xf32>
        %next = graph.add %s, %row : tensor<3xf32>
        control.yield %next, %next
    }
    core.return %sum, %parts
  }
}
"""

# Doubles x until the element is at least 100, at most `limit` times.
WHILE = """module @m {
  func @main(%limit: tensor<i64>, %go: tensor<bool>, %x: tensor<f32>) -> (tensor<f32>)
      {inputs = ["limit", "go", "x"], outputs = ["y"]} {
    %hundred = graph.constant {value = dense<f32: 100.0>} : tensor<f32>
    %y = control.loop %limit, %go, %x, %hundred {carried = 1} : tensor<f32> {
      ^(%i: tensor<i64>, %v: tensor<f32>, %most: tensor<f32>):
        %next = graph.add %v, %v : tensor<f32>
        %more = graph.less %next, %most : tensor<bool>
        control.yield %more, %next
    }
    core.return %y
  }
}
"""


def read(text: str) -> Module:
    module = parse_module(text, ALL_DIALECTS)
    verify(module, ALL_DIALECTS)
    return module


@pytest.mark.parametrize("text", [BRANCH, PREFIX, WHILE])
def test_printed_control_flow_is_read_back(text: str) -> None:
    printed = print_module(read(text))
    assert print_module(read(printed)) == printed


@pytest.mark.parametrize(("condition", "factor"), [(True, -1), (False, 2)])
def test_a_branch_is_chosen_by_its_condition(condition: bool, factor: int) -> None:
    x = np.arange(3, dtype=np.float32)
    result = interpret(read(BRANCH), {"c": np.array(condition), "x": x})
    assert np.array_equal(result["y"], factor * x)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_loop_carries_values_and_stacks_scan_outputs(count: int) -> None:
    x, h = np.arange(count * 3, dtype=np.float32).reshape(count, 3), np.ones(3, np.float32)
    result = interpret(read(PREFIX), {"x": x, "h": h})
    assert np.array_equal(result["sum"], h + x.sum(0))
    assert np.array_equal(result["parts"], h + np.cumsum(x, 0))


@pytest.mark.parametrize(
    ("limit", "go", "wanted"),
    [(9, True, 128.0), (3, True, 8.0), (0, True, 1.0), (-4, True, 1.0), (9, False, 1.0)],
)
def test_a_loop_ends_with_its_condition_or_its_trip_count(limit: int, go: bool, wanted: float) -> None:
    result = interpret(
        read(WHILE), {"limit": np.array(limit), "go": np.array(go), "x": np.array(1, np.float32)}
    )
    assert result["y"] == wanted


def test_blocks_of_control_flow_come_before_the_one_around_them() -> None:
    function = read(BRANCH).main
    blocks = blocks_in(function.block)
    assert blocks[-1] is function.block
    assert [block.first.name for block in blocks[:-1] if block.first] == ["graph.neg", "graph.add"]


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (BRANCH, "%c: tensor<bool>", "%c: tensor<1xbool>", "its condition is tensor<1xbool>"),
        (BRANCH, "^(%b: tensor<Nxf32>)", "^(%b: tensor<Nxf32>, %d: tensor<f32>)", "2 arguments, 1 are"),
        (BRANCH, "^(%b: tensor<Nxf32>)", "^(%b: tensor<Nxf16>)", "region 1 is tensor<Nxf16>"),
        (BRANCH, "control.yield %twice", "control.yield %twice, %b", "yields 2 values, 1 are expected"),
        (BRANCH, "control.yield %neg", "core.yield %neg", "where control.yield is expected"),
        (BRANCH, "graph.neg %a", "graph.neg %x", "defined outside the region of control.if"),
        (PREFIX, ", count = T", "", "would never end"),
        (PREFIX, "carried = 1", "carried = 3", "carries 3 values, but has 2 initial ones"),
        (PREFIX, "control.yield %next, %next", "control.yield %row", "has 2 results, 1 are implied"),
        (PREFIX, "control.yield %next, %next", "control.yield %all, %next", "a carried value keeps its type"),
        (WHILE, "control.yield %more, %next", "control.yield %next, %next", "the condition of the next"),
        (WHILE, "%limit: tensor<i64>", "%limit: tensor<i32>", "its trip count is tensor<i32>"),
    ],
)  # fmt: skip
def test_broken_control_flow_is_refused(text: str, old: str, new: str, message: str) -> None:
    assert old in text
    with pytest.raises(IRError) as caught:
        read(text.replace(old, new))
    found = f"{caught.value} {caught.value.hint}"
    assert message in found


def test_a_loop_may_have_no_operands() -> None:
    text = """module @m {
      func @main() -> (tensor<3xi64>) {inputs = [], outputs = ["y"]} {
        %y = control.loop {count = 3} : tensor<3xi64> {
          ^(%i: tensor<i64>):
            %k = graph.neg %i : tensor<i64>
            control.yield %k
        }
        core.return %y
      }
    }"""
    assert interpret(read(text), {})["y"].tolist() == [0, -1, -2]


@pytest.mark.parametrize("trip", [0, 2, 9])
def test_rows_without_an_iteration_are_zeros(trip: int) -> None:
    text = """module @m {
      func @main(%n: tensor<i64>) -> (tensor<3xi64>) {inputs = ["n"], outputs = ["y"]} {
        %y = control.loop %n, _ {count = 3} : tensor<3xi64> {
          ^(%i: tensor<i64>):
            %k = graph.bitwise_not %i : tensor<i64>
            control.yield %k
        }
        core.return %y
      }
    }"""
    wanted = [-1 - step if step < trip else 0 for step in range(3)]
    assert interpret(read(text), {"n": np.array(trip)})["y"].tolist() == wanted


def test_scan_outputs_of_a_loop_need_a_bound() -> None:
    text = WHILE.replace("-> (tensor<f32>)", "-> (tensor<f32>, tensor<4xf32>)").replace(
        'outputs = ["y"]', 'outputs = ["y", "z"]'
    )
    text = text.replace("%y = ", "%y, %z = ").replace(
        "{carried = 1} : tensor<f32>", "{carried = 1} : tensor<f32>, tensor<4xf32>"
    )
    text = text.replace("%more, %next", "%more, %next, %next").replace("core.return %y", "core.return %y, %z")
    with pytest.raises(IRError, match="nothing bounds the number of elements of its scan outputs"):
        read(text)
