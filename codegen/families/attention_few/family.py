"""The kernel family of attention of few queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....dialects.core.dtypes import F32
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..attention.problem import MATH, AttentionProblem, find_attention
from ..kernel_family import ConfiguredFamily, Rank
from .config import FewQueriesConfig, illegal, lanes_of, shapes, vector_of
from .cost import microseconds
from .rows import Rows, rows_of
from .spec import TEMPLATE, few_queries_spec, launch


@dataclass(frozen=True, kw_only=True)
class FewQueriesFamily(ConfiguredFamily[FewQueriesConfig]):
    """Attention of few queries over many keys, bound by memory (Dao et al., "Flash-Decoding").

    Heads that share keys and values are rows of one block, which reads these once. Groups of threads take
    keys of their own, each with a softmax of its own; what they have is merged in a fixed order: in a warp,
    in a block, and among the blocks of a cluster.
    """

    name: str = "attention_few"
    rank: Rank = Rank.TENSOR_CORES
    config_type: Callable[..., FewQueriesConfig] = FewQueriesConfig

    def candidates(self, request: Request) -> list[Candidate]:
        found = find(request)
        if found is None:
            return []
        problem, rows = found
        priced = [
            self.candidate(config, microseconds(problem, rows, config, request))
            for config in shapes(problem, rows, request.target)
        ]
        return sorted(priced, key=lambda candidate: candidate.microseconds)

    def realize(self, request: Request, config: Config) -> KernelCode:
        found, made = find(request), self.configured(config)
        if found is None:
            raise ValueError("not attention of few queries")
        problem, rows = found
        reason = illegal(problem, rows, made, request.target)
        if reason is not None:
            raise ValueError(reason)
        signature = make_signature(request)
        spec = few_queries_spec(request, problem, rows, made, signature)
        return KernelCode(TEMPLATE, spec, launch(problem, rows, made), signature.typed)


def find(request: Request) -> tuple[AttentionProblem, Rows] | None:
    """The problem of REQUEST and its rows; None where it is none for these kernels."""
    problem = find_attention(request)
    rows = None if problem is None else rows_of(problem)
    if problem is None or rows is None or problem.sequences is not None:
        return None
    if problem.math not in MATH and problem.math != F32:
        return None
    wide = all(
        operand.column == 1 and operand.vector == vector_of(problem.math)
        for operand in (problem.k, problem.v)
    )
    return (problem, rows) if wide and lanes_of(problem) <= 32 else None
