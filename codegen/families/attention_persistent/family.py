"""The kernel family of persistent attention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....dialects.core.bounds import may_be_empty
from ....dialects.core.dtypes import DType
from ....dialects.graph.attention import Attention
from ...arch.features import Feature
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ...text.render import Identifier
from ..attention.problem import MATH, AttentionProblem, at_optimum, find_attention, supports
from ..attention.spec import attention_spec
from ..kernel_family import ConfiguredFamily, Rank
from .config import PersistentAttentionConfig, illegal, shapes
from .cost import microseconds
from .operands import BulkMatrix, bulk_matrix
from .spec import TEMPLATE, band, launch, product_spec

HEADER = Identifier("wgmma_fragments")


@dataclass(frozen=True, kw_only=True)
class PersistentAttentionFamily(ConfiguredFamily[PersistentAttentionConfig]):
    """Attention on Hopper: tiles by bulk copies, products by wgmma, softmax between them in registers (Shah
    et al., "FlashAttention-3")."""

    name: str = "attention_persistent"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.WGMMA, Feature.TMA})
    saturates: bool = True
    config_type: Callable[..., PersistentAttentionConfig] = PersistentAttentionConfig

    def attends(self, op: Attention, operands: DType) -> bool:
        return operands in MATH and supports(op, operands)

    def candidates(self, request: Request) -> list[Candidate]:
        problem = find_attention(request)
        if problem is None or isinstance(bulk_matrices(problem, request), str):
            return []
        found = [
            self.candidate(config, microseconds(problem, config, request))
            for config in shapes(problem, request.target.shared_bytes)
        ]
        return sorted(found, key=lambda candidate: candidate.microseconds)

    def realize(self, request: Request, config: Config) -> KernelCode:
        problem, made = find_attention(request), self.configured(config)
        if problem is None:
            raise ValueError("not an attention kernel")
        matrices = bulk_matrices(problem, request)
        reason = illegal(problem, made, request.target.shared_bytes)
        if reason is not None or isinstance(matrices, str):
            raise ValueError(reason or matrices)
        rows = (made.block_s, made.keys, made.keys)
        maps = [matrix.parameter(count) for matrix, count in zip(matrices, rows, strict=True)]
        signature = make_signature(request, (), maps)
        entries = band(problem, at_optimum(problem.batches, request), request.target.multiprocessors)
        product = product_spec(problem, matrices, made, signature, entries)
        spec = attention_spec(request, problem, product, signature)
        geometry = launch(problem, made, request.target.multiprocessors)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, made.resident, HEADER)


def bulk_matrices(problem: AttentionProblem, request: Request) -> tuple[BulkMatrix, ...] | str:
    """Queries, keys and values of PROBLEM as bulk copies bring them; why they cannot."""
    if problem.math not in MATH:
        return "wgmma multiplies 16-bit floats here"
    if problem.sequences is not None:
        return "bulk copies bring rows of the next sequence, too"
    if any(may_be_empty(size, request.ranges) for size in (problem.queries, problem.keys, problem.batches)):
        return "a tensor map has no empty dimension"
    found = []
    for role, operand, features, rows in (
        ("q", problem.q, problem.depth, problem.queries),
        ("k", problem.k, problem.depth, problem.keys),
        ("v", problem.v, problem.width, problem.keys),
    ):
        matrix = bulk_matrix(role, operand, features, rows, problem.extents)
        if isinstance(matrix, str):
            return matrix
        found.append(matrix)
    return tuple(found)
