"""Kernels of persistent attention against the interpreter, and the problems that they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glassrt.codegen.families.attention.problem import AttentionProblem, find_attention
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request

from ...attention_cases import Shape, module_of
from ...one_kernel import plan_of

NAME = "attention_persistent"


def taking(config: Mapping[str, Any]) -> Callable[[Request], Candidate]:
    """A choice of CONFIG for attention, of the cheapest for what copies operands."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        return Candidate(NAME, dict(config), 1.0)

    return choose


def request_of(shape: Shape, symbols: Any = None) -> Request:
    """What families are asked for the attention of SHAPE."""
    asked: list[Request] = []

    def choose(request: Request) -> Candidate:
        asked.append(request)
        return candidates(request)[0]

    plan_of(module_of(shape, symbols), choose)
    return next(request for request in asked if [op.name for op in request.ops] != ["graph.cast"])


def problem_of(shape: Shape, symbols: Any = None) -> AttentionProblem:
    """The problem of SHAPE, as kernels see it."""
    problem = find_attention(request_of(shape, symbols))
    assert problem is not None
    return problem
