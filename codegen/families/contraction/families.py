"""The kernel families of contractions: tiled implicit GEMMs, and depthwise convolutions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from ...arch.spec import ArchSpec
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..kernel_family import AnyConfig, ConfiguredFamily, Rank
from . import depthwise, depthwise_spec
from .binding import Contraction, bind, find_contraction, widest_vector
from .maps import tensor_maps
from .problem import Problem, as_priced
from .spec import TEMPLATE, contraction_launch, split_scratch
from .strip_cost import THREADS
from .strips import StripConfig
from .tile import AnyTile, Tiling
from .tile_product import MOST_CANDIDATES, TileProduct

PROBLEMS_KEPT = 4096  # size of the cache of priced problems


@dataclass(frozen=True, kw_only=True)
class ContractionFamily(ConfiguredFamily[AnyConfig]):
    """A kernel family for regions with one contraction."""

    groupable: bool = True

    def found(self, request: Request) -> Contraction | None:
        """The contraction of REQUEST's region; None where it has none that such kernels compute."""
        return find_contraction(request)

    def candidates(self, request: Request) -> list[Candidate]:
        contraction = self.found(request)
        if contraction is None or self.unsupported(contraction, request.target) is not None:
            return []
        return self.priced(request, contraction)

    def realize(self, request: Request, config: Config) -> KernelCode:
        contraction = self.found(request)
        if contraction is None:
            raise ValueError("not a contraction that this family supports")
        return self.code(request, contraction, self.configured(config))

    @abstractmethod
    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        """Why the family cannot run CONTRACTION on TARGET; None when it can."""

    @abstractmethod
    def priced(self, request: Request, contraction: Contraction) -> list[Candidate]:
        """Legal configurations of CONTRACTION, that of REQUEST, with their times, fastest first."""

    @abstractmethod
    def code(self, request: Request, contraction: Contraction, config: AnyConfig) -> KernelCode:
        """The code of REQUEST, whose contraction is CONTRACTION, under CONFIG."""


@dataclass(frozen=True, kw_only=True)
class TiledFamily(ContractionFamily[AnyTile]):
    """Matrix products and convolutions as tiled implicit GEMMs; a block computes one tile of the result.

    It is composed of `product`, of the staging that each operand gets (`families/staging`), and of the
    epilogue that all share.
    """

    product: TileProduct[AnyTile]

    @classmethod
    def of(cls, product: TileProduct[AnyTile]) -> TiledFamily[AnyTile]:
        """The family of PRODUCT, with the traits that it has."""
        return cls(**product.traits(), config_type=product.config_type, product=product)

    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        return self.product.refuses(contraction, target)

    def priced(self, request: Request, contraction: Contraction) -> list[Candidate]:
        found = _priced(self, as_priced(contraction.problem), request.target)
        return [Candidate(self.name, dict(config), microseconds) for config, microseconds in found]

    def code(self, request: Request, contraction: Contraction, config: AnyTile) -> KernelCode:
        problem = contraction.problem
        scratch = split_scratch(problem, Tiling.of(config, request.target))
        signature = make_signature(request, scratch, tensor_maps(request, contraction, config))
        binding = bind(request, contraction, widest_vector(request, problem.n), signature)
        spec = self.product.specialize(problem, config, binding, request.target)
        geometry = contraction_launch(problem, spec)
        resident, header = spec.blocks_per_multiprocessor, spec.product.header
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, resident, header)


@lru_cache(maxsize=PROBLEMS_KEPT)
def _priced(
    family: TiledFamily[AnyTile], problem: Problem, target: ArchSpec
) -> tuple[tuple[tuple[tuple[str, int], ...], float], ...]:
    """The configurations worth trying, as (field, value) pairs, with their times in microseconds.

    Cached, because several passes price the same problem, with several layouts of its operands and result.
    """
    product = family.product
    found = product.candidates(problem, target)
    return tuple((tuple(asdict(config).items()), product.cost(problem, config, target)) for config in found)


@dataclass(frozen=True, kw_only=True)
class DepthwiseFamily(ContractionFamily[StripConfig]):
    """Depthwise convolutions: memory-bound, vectorized over channels."""

    name: str = "depthwise"
    rank: Rank = Rank.SPECIAL_CASE
    config_type: Callable[..., StripConfig] = StripConfig

    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        if contraction.has_prologue:
            return "a depthwise kernel has no prologue"
        return depthwise.unsupported(contraction.problem)

    def priced(self, request: Request, contraction: Contraction) -> list[Candidate]:
        return self._priced(request, contraction.problem, THREADS)

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        contraction = find_contraction(request)
        return [] if contraction is None else self._priced(request, contraction.problem, (threads,))

    def _priced(self, request: Request, problem: Problem, threads: Sequence[int]) -> list[Candidate]:
        out_bytes = request.writes[0].dtype.bytes
        found = depthwise.candidates(problem, request.target, out_bytes, MOST_CANDIDATES, threads)
        return [self.candidate(each.config, each.microseconds) for each in found]

    def code(self, request: Request, contraction: Contraction, config: StripConfig) -> KernelCode:
        problem, signature = contraction.problem, make_signature(request)
        binding = bind(request, contraction, config.vector, signature, depthwise_channels=True)
        spec = depthwise_spec.specialize(problem, config, binding)
        return KernelCode(depthwise.TEMPLATE, spec, depthwise.launch(problem, config), signature.typed)
