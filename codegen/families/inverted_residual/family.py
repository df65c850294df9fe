"""The kernel family of inverted residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.tile_product import MOST_CANDIDATES, TILED
from ..kernel_family import Accumulation, ConfiguredFamily, Rank
from .block import InvertedResidual, find_block
from .config import configurations, illegal
from .cost import microseconds
from .extents import InvertedConfig, InvertedExtents
from .spec import TEMPLATE, NotInPlace, inverted_residual_spec, launch

PRICES_KEPT = 256  # extents whose prices are kept


@dataclass(frozen=True, kw_only=True)
class InvertedResidualFamily(ConfiguredFamily[InvertedConfig]):
    """A contraction, a depthwise convolution of its results, and a contraction of that one's: what is
    between them stays in shared memory."""

    name: str = "contraction_inverted_residual"
    rank: Rank = Rank.SPECIAL_CASE
    needs_features: frozenset[Feature] = frozenset({Feature.CP_ASYNC, Feature.LDMATRIX})
    saturates: bool = True
    encloses: bool = True
    accumulation: Accumulation = TILED
    config_type: Callable[..., InvertedConfig] = InvertedConfig

    def candidates(self, request: Request) -> list[Candidate]:
        block = find_block(request)
        if isinstance(block, str):
            return []
        found = priced(block.extents, request.target)
        if not found or not self._has_code(request, block, found[0][0]):
            return []
        return [self.candidate(config, expected) for config, expected in found]

    def realize(self, request: Request, config: Config) -> KernelCode:
        block, own = find_block(request), self.configured(config)
        if isinstance(block, str):
            raise ValueError(block)
        reason = illegal(block.extents, own, request.target)
        if reason is not None:
            raise ValueError(reason)
        signature = make_signature(request)
        spec = inverted_residual_spec(request, block, own, signature)
        geometry = launch(block, own, request.target)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, spec.resident)

    def _has_code(self, request: Request, block: InvertedResidual, config: InvertedConfig) -> bool:
        """Whether BLOCK, which is REQUEST, has code under CONFIG, and so under any."""
        try:
            inverted_residual_spec(request, block, config, make_signature(request))
        except NotInPlace:
            return False
        return True


@lru_cache(maxsize=PRICES_KEPT)
def priced(extents: InvertedExtents, target: ArchSpec) -> tuple[tuple[InvertedConfig, float], ...]:
    """The configurations of EXTENTS worth trying, with their times, the fastest first.

    Cached, because a network has many alike, and each is asked for when it is considered and when it is made.
    """
    priced = [(config, microseconds(extents, config, target)) for config in configurations(extents, target)]
    return tuple(sorted(priced, key=lambda each: each[1])[:MOST_CANDIDATES])
