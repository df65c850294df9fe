"""The kernel families of convolutions of few channels with a pool of their accumulators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ....dialects.graph.pool import MaxPool
from ...emit.epilogue import emit_epilogue
from ...emit.lanes import Lanes
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import Signature, make_signature
from ..contraction.binding import Contraction, bound, spaces_of, widest_vector
from ..contraction.spec import KernelBinding
from ..contraction.tile_product import MOST_CANDIDATES, TILED
from ..few_channels.loads import image_loads
from ..few_channels.product import WindowProduct
from ..kernel_family import Accumulation, ConfiguredFamily, Rank
from .config import PoolConfig, illegal, shapes
from .cost import microseconds
from .problem import pooled_contraction, pooled_image_of, unfit
from .spec import TEMPLATE, few_channels_pool_spec, launch


@dataclass(frozen=True, kw_only=True)
class FewChannelsPoolFamily(ConfiguredFamily[PoolConfig]):
    """Convolutions of few channels, by `product`, whose accumulators a pool takes maxima of before anything
    is computed of them."""

    rank: Rank = Rank.TENSOR_CORES
    saturates: bool = True
    accumulation: Accumulation = TILED
    config_type: Callable[..., PoolConfig] = PoolConfig
    product: WindowProduct

    @classmethod
    def of(cls, name: str, product: WindowProduct) -> FewChannelsPoolFamily:
        """The family NAME, by PRODUCT."""
        return cls(name=name, needs_features=product.needs_features, product=product)

    def candidates(self, request: Request) -> list[Candidate]:
        pooled = pooled_image_of(request)
        if isinstance(pooled, str):
            return []
        priced = [
            self.candidate(config, microseconds(pooled, config, self.product, request.target))
            for config in shapes(pooled, request.target, self.product)
        ]
        return sorted(priced, key=lambda candidate: candidate.microseconds)[:MOST_CANDIDATES]

    def takes_maxima(self, pool: MaxPool) -> bool:
        return unfit(pool) is None

    def realize(self, request: Request, config: Config) -> KernelCode:
        found, pooled, own = pooled_contraction(request), pooled_image_of(request), self.configured(config)
        if found is None or isinstance(pooled, str):
            raise ValueError(pooled)
        reason = illegal(pooled, own, request.target, self.product)
        if reason is not None or own.block_n % self.product.narrowest:
            raise ValueError(reason or "the columns do not divide among the instructions")
        signature = make_signature(request)
        vector = min(widest_vector(request, pooled.image.problem.n), own.values)
        binding = _bind(request, found[0], found[1], vector, signature)
        loads = image_loads(request, found[0], pooled.image, signature)
        spec = few_channels_pool_spec(pooled, own, binding, loads, self.product)
        geometry = launch(pooled, own, request.target)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, own.resident, spec.conv.header)


def _bind(
    request: Request, contraction: Contraction, pool: MaxPool, vector: int, signature: Signature
) -> KernelBinding:
    """The binding of CONTRACTION, whose epilogue is computed on the maxima of POOL."""
    index, spaces = spaces_of(replace(contraction, root=pool), depthwise_channels=False)
    epilogue = emit_epilogue(
        request,
        signature,
        pool,
        contraction.problem.accumulate,
        index,
        spaces,
        Lanes(spaces[-1].axes[0].symbol, vector),
        names={},
        rows=spaces[-2],
    )
    return bound(request, contraction, vector, signature, epilogue)
