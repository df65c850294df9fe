"""Ops whose results may be much larger than their operands: exponentials, powers, and their consumers."""

from __future__ import annotations

from collections.abc import Sequence

from ....dialects.core.ir import Operation, Value
from ....dialects.graph.activations import Relu
from ....dialects.graph.binary import Add, Div, Max, Mul, Pow, Sub
from ....dialects.graph.elementwise import Where
from ....dialects.graph.trigonometric import Cosh, Sinh
from ....dialects.graph.unary import Abs, Exp, Neg
from .facts import Fact, NumberOrigin

EXPONENTIAL = (Exp, Sinh, Cosh)
KEEPS_GROWTH = (Add, Sub, Mul, Neg, Abs, Max, Relu, Where)
# Results up to this magnitude are well inside the range of every format.
MODEST = 1e4


def grows(op: Operation, operands: Sequence[Value], facts: Sequence[Fact], low: float, high: float) -> bool:
    """Whether the result of OP may be much larger than its operands."""
    if max(abs(low), abs(high)) <= MODEST or all(fact.origin is NumberOrigin.CONSTANT for fact in facts):
        return False
    if isinstance(op, EXPONENTIAL):
        return True
    if isinstance(op, Pow):
        return facts[1].origin is not NumberOrigin.CONSTANT or facts[1].high > 1
    if isinstance(op, Mul) and operands[0] is operands[1]:
        return True
    if isinstance(op, Div):
        return facts[0].grows and facts[1].origin is NumberOrigin.CONSTANT
    return isinstance(op, KEEPS_GROWTH) and any(fact.grows for fact in facts)
