"""Where errors about ops are put: at a part of the text that the op was read from, if it is still there."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.diagnostics import op_error, op_span
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.parts import AttributeAt, OperandAt, ResultAt
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import LeakyRelu, Relu

from .small_modules import kernel_reading

TEXT = """module @net {
  func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %y = graph.leaky_relu %x {alpha = 0.5} : tensor<4xf32> loc("a")
    core.return %y
  }
}
"""


def first(text: str = TEXT) -> Operation:
    return next(iter(parse_module(text, ALL_DIALECTS, file="net.ir").walk()))


def test_a_part_is_shown_where_it_stands() -> None:
    op = first()
    for part, shown in ((OperandAt(0), "%x"), (AttributeAt("alpha"), "0.5"), (ResultAt(0), "tensor<4xf32>")):
        span = op_span(op, part)
        assert span is not None
        assert span.source[span.column - 1 :][: span.length] == shown


def test_a_part_that_is_not_in_the_text_is_shown_as_the_op() -> None:
    for part in (OperandAt(3), AttributeAt("nofuse"), ResultAt(1)):
        assert op_span(first(), part) == op_span(first())


@pytest.mark.parametrize("change", ["another op", "more operands"])
def test_what_a_pass_has_made_of_an_op_is_shown_as_a_whole(change: str) -> None:
    op = first()
    x = op.inputs[0]
    made = Relu(x, loc=op.location) if change == "another op" else LeakyRelu(x, loc=op.location)
    if change == "more operands":
        made._append_operand(x)
    assert op_span(made, OperandAt(0)) == op_span(op) != op_span(op, OperandAt(0))


def test_an_op_of_no_text_is_known_by_its_nodes() -> None:
    block = Block([TensorType((4,), F32)])
    error = op_error(Relu(block.arguments[0], loc=Location(("a", "b"))), "no", at=OperandAt(0))
    assert error.diagnostic.span is None and error.diagnostic.nodes == ("a", "b")
    assert str(error) == "graph.relu: no\n  from ONNX node 'a', 'b'"


def test_levels_are_those_of_the_function() -> None:
    module = kernel_reading(outer=False)
    ops = list(module.walk())
    assert [op_error(op, "no").diagnostic.level for op in ops] == ["fused", "fused", "fused", ""]
