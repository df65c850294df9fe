"""Which nodes of a model have other weights in one plan than in another."""

from __future__ import annotations

from collections import defaultdict

from ...dialects.core.module import Module
from ...dialects.core.parser import parse_module
from ...dialects.graph.constants import Constant
from ...errors import IRError, PlanError
from ...runtime.plan import Plan
from ..passes.levels import ALL_DIALECTS

Operands = dict[tuple[str, ...], list[str]]


def other_weights(a: Plan, b: Plan) -> list[tuple[str, ...]]:
    """The ONNX nodes, as many as one op has, that read other constants in B than in A, in the order of A:
    those of the graph level, which no format has changed yet. None for plans without that level.

    Raises PlanError for a plan whose text is damaged.
    """
    if not (a.ir("graph") and b.ir("graph")):
        return []
    one, other = (_constants(_graph(plan)) for plan in (a, b))
    return [nodes for nodes, read in one.items() if nodes in other and other[nodes] != read]


def _graph(plan: Plan) -> Module:
    try:
        return parse_module(plan.ir("graph"), ALL_DIALECTS, file="graph.ir")
    except IRError as error:
        raise PlanError.of(error.diagnostic.within("the plan's graph level is damaged")) from None


def _constants(module: Module) -> Operands:
    """By ONNX nodes the constants that their ops read, as text: weights are named by their content."""
    found: Operands = defaultdict(list)
    for op in module.walk():
        read = [value.producer for value in op.inputs if isinstance(value.producer, Constant)]
        if op.location.nodes and read:
            found[op.location.nodes] += [str(each.weight or each.array().tobytes()) for each in read]
    return found
