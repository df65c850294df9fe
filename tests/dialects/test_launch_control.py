"""Control flow of the launch level: read, printed, copied, verified and executed on one arena."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.launch import kernels_in
from glassrt.errors import IRError

HEAD = """module @m {
  func @main(%x: tensor<4xf32>, %n: tensor<i64>, %p: tensor<bool>) -> (tensor<4xf32>, tensor<3x4xf32>) \
{inputs = ["x", "n", "p"], outputs = ["y", "s"]} {
    %c = launch.buffer {space = arena, bytes = 8} : tensor<i64>
    %v = launch.buffer {space = arena, offset = 256, bytes = 16} : tensor<4xf32>
    %y = launch.buffer {space = output, bytes = 16} : tensor<4xf32>
    %s = launch.buffer {space = output, bytes = 48} : tensor<3x4xf32>
"""
TAIL = """    core.return %y, %s
  }
}
"""
SHAPE = '{family = "loop", grid = [1, 1, 1], block = [256, 1, 1]}'
STACKED = SHAPE[:-1] + ", stacked = true}"


def unary(op: str, source: str, target: str) -> str:
    """A launch that computes OP."""
    return f"""launch.kernel @{op} %{source}, %{target} {SHAPE} {{
      ^(%a: tensor<4xf32>):
        %b = graph.{op} %a : tensor<4xf32>
        core.yield %b
    }}
"""


DOUBLE = f"""launch.kernel @double %v, %v {SHAPE} {{
      ^(%a: tensor<4xf32>):
        %b = graph.add %a, %a : tensor<4xf32>
        core.yield %b
    }}
"""
KEEP = f"""launch.kernel @keep %v, %c, %s {STACKED} {{
      ^(%a: tensor<4xf32>, %r: tensor<i64>):
        %b = graph.neg %a : tensor<4xf32>
        core.yield %b
    }}
"""


def read(body: str) -> Module:
    module = parse_module(HEAD + body + TAIL, ALL_DIALECTS)
    verify(module, ALL_DIALECTS)
    return module


def run(module: Module, n: int = 3, p: bool = True) -> dict[str, np.ndarray]:
    inputs = {"x": np.arange(4, dtype=np.float32), "n": np.array(n), "p": np.array(p)}
    return interpret(module, inputs)


LOOP = (
    unary("abs", "x", "v")
    + f"launch.loop %c {{bound = 3}} {{ ^(): {KEEP} {DOUBLE} core.yield }}\n"
    + unary("abs", "v", "y")
)
X = np.arange(4, dtype=np.float32)


def test_a_loop_carries_a_value_in_place_and_stacks_a_row_of_every_iteration() -> None:
    found = run(read(LOOP))
    np.testing.assert_array_equal(found["y"], 8 * X)
    np.testing.assert_array_equal(found["s"], [-X, -2 * X, -4 * X])


@pytest.mark.parametrize(("n", "p", "times"), [(2, True, 2), (0, True, 0), (-1, True, 0), (9, False, 0)])
def test_trip_count_and_condition_come_from_memory(n: int, p: bool, times: int) -> None:
    text = LOOP.replace("%c {bound = 3}", "%c, %n, %p, %v").replace(KEEP, "")
    np.testing.assert_array_equal(run(read(text), n, p)["y"], 2**times * X)


def test_the_bound_holds_besides_a_trip_count() -> None:
    text = LOOP.replace("%c {bound = 3}", "%c, %n {bound = 3}")
    np.testing.assert_array_equal(run(read(text), 50)["y"], 8 * X)


@pytest.mark.parametrize(("p", "want"), [(True, X), (False, 2 * X)])
def test_a_branch_runs_one_list_of_launches(p: bool, want: np.ndarray) -> None:
    text = (
        unary("abs", "x", "v")
        + f"launch.if %p {{ ^(): {unary('abs', 'x', 'v')} core.yield ^(): {DOUBLE} core.yield }}\n"
        + unary("relu", "v", "y")
    )
    np.testing.assert_array_equal(run(read(text), p=p)["y"], want)


def test_control_flow_nests_and_launches_are_numbered_by_their_text() -> None:
    inner = f"launch.if %p {{ ^(): {DOUBLE} core.yield ^(): core.yield }}"
    text = LOOP.replace(DOUBLE, inner)
    module = read(text)
    assert [op.kernel for op in kernels_in(module.main.block)] == ["abs", "keep", "double", "abs"]
    np.testing.assert_array_equal(run(module, p=True)["y"], 8 * X)
    np.testing.assert_array_equal(run(module, p=False)["y"], X)


def test_text_and_copies_are_the_same_module() -> None:
    text = print_module(read(LOOP))
    assert print_module(parse_module(text, ALL_DIALECTS)) == text
    copy = clone_module(read(LOOP))
    verify(copy, ALL_DIALECTS)
    assert print_module(copy) == text
    np.testing.assert_array_equal(run(copy)["y"], 8 * X)


BODY = f"{{ ^(): {DOUBLE} core.yield }}"
WRONG = {
    f"launch.loop %c {BODY}": "never ends",
    f"launch.loop %c {{bound = -1}} {BODY}": "its bound of iterations is -1, below zero",
    f"launch.loop %v {{bound = 3}} {BODY}": "its counter is tensor<4xf32>, a scalar of i64 is expected",
    f"launch.loop %c, %p {BODY}": "its trip count is tensor<bool>, a scalar of i64 is expected",
    f"launch.loop %c, _, %n {BODY}": "its condition is tensor<i64>, a scalar of bool is expected",
    "launch.if %n { ^(): core.yield ^(): core.yield }": "its condition is tensor<i64>",
    "launch.if %p { ^(): core.yield ^(%a: tensor<bool>): core.yield }": "its regions take no arguments",
    "launch.if %p { ^(): core.yield ^(): core.yield %x }": "its regions yield nothing",
    "launch.if %p { ^(): %b = launch.buffer {space = arena, bytes = 8} : tensor<i64> core.yield "
    "^(): core.yield }": "only launches may stand there",
    KEEP.replace("%v, %c, %s", "%c, %v, %s").replace(
        "%a: tensor<4xf32>, %r: tensor<i64>", "%r: tensor<i64>, %a: tensor<4xf32>"
    ): "is stacked, and its last input is tensor<4xf32>",
    KEEP.replace("%c, %s", "%c, %y"): r"its output buffers do not fit",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_broken_rule_is_an_error(text: str) -> None:
    with pytest.raises(IRError, match=WRONG[text]):
        read(text + "\n")


def test_a_row_beyond_the_stack_is_an_error() -> None:
    with pytest.raises(IRError, match="writes row 3 of 3"):
        run(read(LOOP.replace("bound = 3", "bound = 4")))
