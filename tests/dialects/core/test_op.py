"""Declared fields: what an op checks of its operands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from glassrt import IRError
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.attributes import INT, STRING, SYMBOL, AttributeError_
from glassrt.dialects.core.dtypes import F32, I32
from glassrt.dialects.core.ir import Block, Operation, Region
from glassrt.dialects.core.op import attribute, define_op, operand, operands, region, results
from glassrt.dialects.core.traits import Trait
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.elementwise import Clip
from glassrt.dialects.graph.unary import Neg

from .small_modules import VECTOR, two_ops


def test_ops_check_their_operands_when_made():
    _, relu, _ = two_ops()
    with pytest.raises(IRError, match="different element types: f32, i32"):
        Add(relu.result, Block([VECTOR.with_dtype(I32)]).arguments[0])
    with pytest.raises(IRError, match=r"do not broadcast"):
        Add(relu.result, Block([TensorType((symbol("N"), 3), F32)]).arguments[0])
    with pytest.raises(IRError, match="'x' is missing"):
        Neg()


@define_op(Trait.SIDE_EFFECT, symbol="label")
class Declared(Operation):
    """An op with a field of every sort."""

    name = "graph.declared"
    first = operand()
    more = operands()
    out = results()
    body = region()
    label = attribute(SYMBOL)
    count = attribute(INT, 3)
    note = attribute(STRING, None, discardable=True)

    def infer(self) -> Sequence[TensorType]:
        return [VECTOR]


def declared(arguments: int = 1, regions: int = 1, **attributes: Any) -> Declared:
    block = Block([VECTOR] * arguments)
    given = [Region(Block([VECTOR])) for _ in range(regions)]
    return Declared(*block.arguments, regions=given, types=[VECTOR], **attributes)


def test_fields_read_what_the_op_holds() -> None:
    op = declared(3, label="k")
    assert op.first is op.operands[0] and op.more == op.operands[1:]
    assert op.out is op.results[0] and op.body is op.regions[0]
    assert (op.label, op.count, op.note) == ("k", 3, None)
    op.count = 5
    assert op.count == 5
    with pytest.raises(AttributeError_, match="an integer is expected"):
        op.count = "5"
    spec = Declared.spec
    assert (spec.least_operands, spec.most_operands, spec.symbol) == (1, None, "label")
    assert list(spec.attributes) == ["label", "count", "note"] and spec.traits == {Trait.SIDE_EFFECT}
    assert spec.attributes["label"].required and not spec.attributes["count"].required
    assert Declared.first is spec.operands[0] and Declared.count is spec.attributes["count"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "the attribute 'label' is missing"),
        ({"label": "k", "cuont": 4}, r"has no attribute 'cuont' \(it has: label, count, note\)"),
        ({"label": "k", "count": 1.5}, "attribute 'count': an integer is expected, not 1.5"),
        ({"label": "k", "arguments": 0}, "the operand 'first' is missing"),
        ({"label": "k", "regions": 0}, "the region 'body' is missing"),
        ({"label": "k", "regions": 2}, "takes 1 region, 2 given"),
    ],
)
def test_what_is_not_as_declared_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(IRError, match=reason):
        Declared.spec.check_regions(declared(**given))


def test_absent_operands_at_the_end_are_cut() -> None:
    x, y = Block([VECTOR, VECTOR.with_shape(())]).arguments
    assert Clip(x, None, None).operands == (x,) and Clip(x, None, y).operands == (x, None, y)
    assert Clip(x, None, y).low is None and Clip(x).high is None
    with pytest.raises(IRError, match="takes at most 3 operands, 4 were given"):
        Clip(x, y, y, y)
