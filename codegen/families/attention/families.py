"""The kernel families of attention: one pass over the keys, on tensor cores or in f32."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ....dialects.core.affine import ceildiv
from ....dialects.core.dtypes import F32, DType
from ....dialects.graph.attention import Attention
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import make_signature
from ..kernel_family import AnyConfig, ConfiguredFamily, Rank
from . import mma as attention
from . import simt as attention_simt
from .mma import AttentionConfig
from .problem import MATH, AttentionProblem, find_attention, supports
from .simt import SimtAttentionConfig


@dataclass(frozen=True, kw_only=True)
class AttentionFamily(ConfiguredFamily[AnyConfig]):
    """A kernel family for regions with one attention op whose operands have a type in `operands`.

    Its kernels compute softmax(q k^T) v in one pass over the keys, and never store the scores in memory.
    """

    operands: frozenset[DType]

    def attends(self, op: Attention, operands: DType) -> bool:
        return operands in self.operands and supports(op, operands)

    def candidates(self, request: Request) -> list[Candidate]:
        problem = find_attention(request)
        if problem is None or problem.math not in self.operands:
            return []
        legal = self.legal(problem, request.target)
        found = [(self.cost(problem, config, request), config) for config in legal]
        found.sort(key=lambda pair: pair[0])
        return [self.candidate(config, expected) for expected, config in found]

    def realize(self, request: Request, config: Config) -> KernelCode:
        problem = find_attention(request)
        if problem is None:
            raise ValueError("not an attention kernel")
        return self.code(request, problem, self.configured(config))

    @abstractmethod
    def legal(self, problem: AttentionProblem, target: ArchSpec) -> Sequence[AnyConfig]:
        """The configurations of PROBLEM that fit the shared memory of TARGET."""

    @abstractmethod
    def cost(self, problem: AttentionProblem, config: AnyConfig, request: Request) -> float:
        """Expected microseconds of PROBLEM under CONFIG, at the optimal sizes of REQUEST."""

    @abstractmethod
    def code(self, request: Request, problem: AttentionProblem, config: AnyConfig) -> KernelCode:
        """The code of REQUEST, whose attention is PROBLEM, under CONFIG."""


@dataclass(frozen=True, kw_only=True)
class MmaAttentionFamily(AttentionFamily[AttentionConfig]):
    """Attention of 16-bit floats on tensor cores."""

    name: str = "attention_mma"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.LDMATRIX, Feature.MMA_F16, Feature.MMA_BF16})
    operands: frozenset[DType] = frozenset(MATH)
    config_type: Callable[..., AttentionConfig] = AttentionConfig

    def legal(self, problem: AttentionProblem, target: ArchSpec) -> Sequence[AttentionConfig]:
        return attention.legal(problem, target)

    def cost(self, problem: AttentionProblem, config: AttentionConfig, request: Request) -> float:
        return attention.cost(problem, config, request)

    def code(self, request: Request, problem: AttentionProblem, config: AttentionConfig) -> KernelCode:
        signature = make_signature(request)
        spec = attention.specialize(request, problem, config, signature)
        geometry = _geometry(problem, config, attention.shared_bytes(problem, config))
        return KernelCode(attention.TEMPLATE, spec, geometry, signature.typed)


@dataclass(frozen=True, kw_only=True)
class SimtAttentionFamily(AttentionFamily[SimtAttentionConfig]):
    """Attention of f32 on the scalar units."""

    name: str = "attention_simt"
    rank: Rank = Rank.SCALAR_UNITS
    operands: frozenset[DType] = frozenset({F32})
    config_type: Callable[..., SimtAttentionConfig] = SimtAttentionConfig

    def legal(self, problem: AttentionProblem, target: ArchSpec) -> Sequence[SimtAttentionConfig]:
        return attention_simt.legal(problem, target)

    def cost(self, problem: AttentionProblem, config: SimtAttentionConfig, request: Request) -> float:
        return attention_simt.cost(problem, config, request)

    def code(self, request: Request, problem: AttentionProblem, config: SimtAttentionConfig) -> KernelCode:
        signature = make_signature(request)
        spec = attention_simt.specialize(request, problem, config, signature)
        geometry = _geometry(problem, config, attention_simt.shared_bytes(problem, config))
        return KernelCode(attention_simt.TEMPLATE, spec, geometry, signature.typed)


def _geometry(
    problem: AttentionProblem, config: AttentionConfig | SimtAttentionConfig, shared: int
) -> Geometry:
    """The launch geometry of PROBLEM: one block per tile of queries and batch entry; SHARED in bytes."""
    blocks = problem.batches * ceildiv(problem.queries, config.block_s)
    return Geometry((blocks, 1, 1), (config.threads, 1, 1), shared)
