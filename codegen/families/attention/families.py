"""The kernel families of attention: one pass over the keys, by one product or another."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import ceildiv
from ....dialects.core.dtypes import DType
from ....dialects.graph.attention import Attention
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import make_signature
from ..kernel_family import ConfiguredFamily
from .problem import AttentionProblem, find_attention, supports
from .product import AnyQuery, AttentionProduct
from .spec import TEMPLATE, attention_spec


@dataclass(frozen=True, kw_only=True)
class AttentionFamily(ConfiguredFamily[AnyQuery]):
    """A kernel family for regions with one attention op whose operands have a type that `product` multiplies.

    Its kernels compute softmax(q k^T) v in one pass over the keys, and never store the scores in memory.
    """

    product: AttentionProduct[AnyQuery]

    @classmethod
    def of(cls, product: AttentionProduct[AnyQuery]) -> AttentionFamily[AnyQuery]:
        """The family of PRODUCT, with the traits that it has."""
        return cls(**product.traits(), config_type=product.config_type, product=product)

    def attends(self, op: Attention, operands: DType) -> bool:
        product = self.product
        return operands in product.operands and supports(op, operands, product.most_features)

    def candidates(self, request: Request) -> list[Candidate]:
        problem, product = find_attention(request), self.product
        if problem is None or problem.math not in product.operands:
            return []
        room = request.target.shared_bytes
        legal = [
            config
            for config in product.configurations()
            if product.holds(problem, config) and product.shared_bytes(problem, config) <= room
        ]
        found = [(product.cost(problem, config, request), config) for config in legal]
        found.sort(key=lambda pair: pair[0])
        return [self.candidate(config, expected) for expected, config in found]

    def realize(self, request: Request, config: Config) -> KernelCode:
        problem, made = find_attention(request), self.configured(config)
        if problem is None:
            raise ValueError("not an attention kernel")
        signature = make_signature(request)
        spec = attention_spec(request, problem, self.product.spec(problem, made), signature)
        geometry = _geometry(problem, made, self.product.shared_bytes(problem, made))
        return KernelCode(TEMPLATE, spec, geometry, signature.typed)


def _geometry(problem: AttentionProblem, config: AnyQuery, shared: int) -> Geometry:
    """The launch geometry of PROBLEM: one block per tile of queries and batch entry; SHARED in bytes."""
    blocks = problem.batches * ceildiv(problem.queries, config.block_s)
    return Geometry((blocks, 1, 1), (config.threads, 1, 1), shared)
