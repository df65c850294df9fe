"""Requests for attention of few queries."""

from __future__ import annotations

from glassrt.codegen.families.attention.problem import AttentionProblem
from glassrt.codegen.families.attention_few.family import find
from glassrt.codegen.families.attention_few.rows import Rows
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.module import Module

from ...contraction_cases import TARGET


def request_of(module: Module) -> Request:
    """What families are asked for the only attention of MODULE."""
    asked: list[Request] = []

    def choose(request: Request) -> Candidate:
        asked.append(request)
        return candidates(request)[0]

    precision_to_launch(module, TARGET, choose)
    return next(each for each in asked if any(op.name == "graph.attention" for op in each.ops))


def problem_of(module: Module) -> tuple[AttentionProblem, Rows]:
    """The problem of MODULE, and its rows."""
    found = find(request_of(module))
    assert found is not None
    return found
