"""Loops in IR text, and their bodies."""

from __future__ import annotations

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.simplify.recurrent_loops.body import StepBody
from glassrt.dialects.control import Loop
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module

STATE, WEIGHTS = "tensor<3x2xf32>", ("tensor<4x8xf32>", "tensor<2x8xf32>")
ELEMENTS = "tensor<9x3x4xf32>"
GIVEN = f"%x: {ELEMENTS}, %h: {STATE}, %c: {STATE}, %k: {WEIGHTS[0]}, %w: {WEIGHTS[1]}"
NAMES = 'inputs = ["x", "h", "c", "k", "w"], outputs = ["y", "z"]'
INNER = f"%s: {STATE}, %m: {STATE}, %rows: {ELEMENTS}, %input: {WEIGHTS[0]}, %own: {WEIGHTS[1]}"
TEXT = f"""module @net {{{{
  func @main({GIVEN}) -> ({STATE}, {STATE}) {{{{{NAMES}}}}} {{{{
    %y, %z = control.loop _, _, %h, %c, %x, %k, %w {{{{carried = 2, count = 9}}}} : {STATE}, {STATE} {{{{
      ^(%i: tensor<i64>, {INNER}):
        %row = graph.gather %rows, %i : tensor<3x4xf32>
        {{ops}}
        control.yield %next, %seen
    }}}}
    core.return %y, %z
  }}}}
}}}}"""


def body_of(ops: str) -> tuple[StepBody, dict[str, Value]]:
    """The body of a loop with OPS, which compute `next` and `seen` from the states `s` and `m` and from the
    element `row`; and its values by name."""
    module: Module = parse_module(TEXT.format(ops=ops), ALL_DIALECTS)
    (loop,) = (op for op in module.main.block if isinstance(op, Loop))
    block = loop.body.block
    values = [*block.arguments, *(value for op in block for value in op.results)]
    return StepBody(loop, module), {value.hint: value for value in values}
