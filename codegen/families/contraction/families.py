"""The kernel families of contractions: tiled implicit GEMMs, and depthwise convolutions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TypeVar

from ....dialects.core.dtypes import F8E4M3, TF32
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import make_signature
from ..kernel_family import Accumulation, AnyConfig, ConfiguredFamily, Rank
from . import depthwise
from . import mma as contraction_mma
from . import simt as contraction_simt
from .binding import Contraction, bind, find_contraction, widest_vector
from .depthwise import DepthwiseConfig
from .mma import MmaConfig
from .problem import Problem
from .simt import SimtConfig
from .spec import Binding, ContractionSpec, split_scratch

MOST_CANDIDATES = 16
PROBLEMS_KEPT = 4096  # size of the cache of priced problems
# One mma of 8-bit floats adds 32 products with about 13 bits of precision, relative to the largest product;
# its result is added to the accumulator in f32.
TENSOR_CORE_SUMS = Accumulation(frozenset({F8E4M3}), terms=32, roundoff=2.0**-13, tiled=True)
TILED_SUMS = Accumulation(tiled=True)
Product = tuple[str, ContractionSpec, Geometry]
AnyTiled = TypeVar("AnyTiled", bound=MmaConfig | SimtConfig)


@dataclass(frozen=True, kw_only=True)
class ContractionFamily(ConfiguredFamily[AnyConfig]):
    """A kernel family for regions with one contraction."""

    groupable: bool = True

    def candidates(self, request: Request) -> list[Candidate]:
        contraction = find_contraction(request)
        if contraction is None or self.unsupported(contraction, request.target) is not None:
            return []
        return self.priced(request, contraction.problem)

    def realize(self, request: Request, config: Config) -> KernelCode:
        contraction = find_contraction(request)
        if contraction is None:
            raise ValueError("no contraction that this family can do")
        return self.code(request, contraction, self.configured(config))

    @abstractmethod
    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        """Why the family cannot run CONTRACTION on TARGET; None when it can."""

    @abstractmethod
    def priced(self, request: Request, problem: Problem) -> list[Candidate]:
        """Legal configurations of PROBLEM, the contraction of REQUEST, with their times, fastest first."""

    @abstractmethod
    def code(self, request: Request, contraction: Contraction, config: AnyConfig) -> KernelCode:
        """The code of REQUEST, whose contraction is CONTRACTION, under CONFIG."""


@dataclass(frozen=True, kw_only=True)
class ProductFamily(ContractionFamily[AnyTiled]):
    """Matrix products and convolutions as tiled implicit GEMMs; a block computes one tile of the result."""

    saturates: bool = True

    def priced(self, request: Request, problem: Problem) -> list[Candidate]:
        found = _priced(self, problem, request.target)
        return [Candidate(self.name, dict(config), microseconds) for config, microseconds in found]

    def code(self, request: Request, contraction: Contraction, config: AnyTiled) -> KernelCode:
        problem = contraction.problem
        scratch = split_scratch(problem, config.block_m, config.block_n, config.splits)
        signature = make_signature(request, scratch)
        binding = bind(request, contraction, widest_vector(request, problem.n), signature)
        template, spec, geometry = self.product(problem, config, binding, request.target)
        return KernelCode(template, spec, geometry, signature.typed, spec.blocks_per_multiprocessor)

    @abstractmethod
    def configurations(self, problem: Problem, target: ArchSpec) -> Sequence[AnyTiled]:
        """Legal configurations worth trying, the fastest by `cost` first."""

    @abstractmethod
    def cost(self, problem: Problem, config: AnyTiled, target: ArchSpec) -> float:
        """Expected microseconds of PROBLEM under CONFIG at the optimal sizes."""

    @abstractmethod
    def product(self, problem: Problem, config: AnyTiled, binding: Binding, target: ArchSpec) -> Product:
        """The template, the spec and the launch geometry of PROBLEM under CONFIG."""


@lru_cache(maxsize=PROBLEMS_KEPT)
def _priced(
    family: ProductFamily[AnyTiled], problem: Problem, target: ArchSpec
) -> tuple[tuple[tuple[tuple[str, int], ...], float], ...]:
    """The configurations worth trying, as (field, value) pairs, with their times in microseconds.

    Cached, because several passes price the same problem, and with several layouts of the result.
    """
    found = family.configurations(problem, target)
    return tuple((tuple(asdict(config).items()), family.cost(problem, config, target)) for config in found)


@dataclass(frozen=True, kw_only=True)
class MmaFamily(ProductFamily[MmaConfig]):
    """Tiled contractions on tensor cores."""

    name: str = "contraction_mma"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.LDMATRIX})
    rounds_operands: bool = True
    accumulation: Accumulation = TENSOR_CORE_SUMS
    config_type: Callable[..., MmaConfig] = MmaConfig

    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        if contraction.problem.a.bits == 32 and contraction.root.attributes["multiply"] != TF32:
            return "f32 operands are rounded to tf32 only where the contraction says so"
        return contraction_mma.unsupported(contraction.problem, target)

    def configurations(self, problem: Problem, target: ArchSpec) -> Sequence[MmaConfig]:
        return contraction_mma.candidates(problem, target, MOST_CANDIDATES)

    def cost(self, problem: Problem, config: MmaConfig, target: ArchSpec) -> float:
        return contraction_mma.cost(problem, config, target)

    def product(self, problem: Problem, config: MmaConfig, binding: Binding, target: ArchSpec) -> Product:
        spec = contraction_mma.specialize(problem, config, binding, target)
        return contraction_mma.TEMPLATE, spec, contraction_mma.launch(problem, spec)


@dataclass(frozen=True, kw_only=True)
class SimtFamily(ProductFamily[SimtConfig]):
    """Tiled contractions on the scalar units."""

    name: str = "contraction_simt"
    rank: Rank = Rank.SCALAR_UNITS
    accumulation: Accumulation = TILED_SUMS
    config_type: Callable[..., SimtConfig] = SimtConfig

    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        return contraction_simt.unsupported(contraction.problem, target)

    def configurations(self, problem: Problem, target: ArchSpec) -> Sequence[SimtConfig]:
        return contraction_simt.candidates(problem, target, MOST_CANDIDATES)

    def cost(self, problem: Problem, config: SimtConfig, target: ArchSpec) -> float:
        return contraction_simt.cost(problem, config, target)

    def product(self, problem: Problem, config: SimtConfig, binding: Binding, target: ArchSpec) -> Product:
        spec = contraction_simt.specialize(problem, config, binding, target)
        return contraction_simt.TEMPLATE, spec, contraction_simt.launch(problem, spec)


@dataclass(frozen=True, kw_only=True)
class DepthwiseFamily(ContractionFamily[DepthwiseConfig]):
    """Depthwise convolutions: memory-bound, vectorized over channels."""

    name: str = "depthwise"
    rank: Rank = Rank.SPECIAL_CASE
    config_type: Callable[..., DepthwiseConfig] = DepthwiseConfig

    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        if contraction.has_prologue:
            return "a depthwise kernel has no prologue"
        return depthwise.unsupported(contraction.problem)

    def priced(self, request: Request, problem: Problem) -> list[Candidate]:
        target = request.target
        found = depthwise.candidates(problem, target, request.writes[0].dtype.bytes, MOST_CANDIDATES)
        return [
            self.candidate(config, depthwise.cost(problem, config, target))
            for config in found
            if depthwise.illegal(problem, config, target) is None
        ]

    def code(self, request: Request, contraction: Contraction, config: DepthwiseConfig) -> KernelCode:
        problem, signature = contraction.problem, make_signature(request)
        binding = bind(request, contraction, config.vector, signature, depthwise_channels=True)
        spec = depthwise.specialize(problem, config, binding, request.target)
        return KernelCode(depthwise.TEMPLATE, spec, depthwise.launch(problem, config), signature.typed)
