"""Inputs that hold positions, such as ids of tokens: among how many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...dialects.control import CONTROL
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.builtin import CORE
from ...dialects.core.dialect import DialectSet
from ...dialects.core.ir import Value
from ...dialects.core.module import Function
from ...dialects.core.parser import parse_module
from ...dialects.core.traits import Trait, has
from ...dialects.custom.registry import named
from ...dialects.graph import GRAPH
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.positions import positions_of
from ...errors import IRError
from ...runtime.plan import Plan

OF_GRAPHS = DialectSet([CORE, CONTROL, GRAPH], named)


def position_sizes(function: Function, symbols: Mapping[str, int]) -> dict[str, int]:
    """By the name of an input of FUNCTION, the least size of an axis in which an op takes its elements for
    positions: at once, or cast, moved, cut or joined. SYMBOLS have values.

    Inputs of which positions are computed, and those of ops in branches and loops, are not among them.
    """
    names = dict(zip(function.arguments, function.inputs, strict=False))
    found: dict[str, int] = {}
    for op in function.block:
        for position in positions_of(op):
            value = op.operands[position.operand]
            for source in () if value is None else _sources(value):
                if source in names:
                    size = evaluate(position.size, symbols)
                    found[names[source]] = min(size, found.get(names[source], size))
    return found


def of_plan_text(plan: Plan, symbols: Mapping[str, int]) -> dict[str, int]:
    """As `position_sizes`, by the graph level of PLAN; nothing where it has none."""
    if not plan.ir("graph") or not any(tensor.dtype.startswith(("i", "u")) for tensor in plan.spec.asked):
        return {}
    try:
        module = parse_module(plan.ir("graph"), OF_GRAPHS, file="graph.ir")
        return position_sizes(module.main, symbols)
    except (IRError, KeyError):  # a damaged text, or one with other symbols: that is for others to say
        return {}


def _sources(value: Value) -> Iterator[Value]:
    """What VALUE is moved or cast from, itself included."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        yield value
        op = value.producer
        if op is not None and (isinstance(op, Cast) or has(op, Trait.MOVEMENT)):
            waiting += op.inputs
