"""The kernel family of products of few rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ....dialects.core.dtypes import EIGHT_BIT_FLOATS
from ....dialects.graph.movement.slicing import Slice
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Candidate, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.binding import Contraction, bind, contraction_of, widest_vector
from ..contraction.families import PROBLEMS_KEPT, ContractionFamily
from ..contraction.mma import MMA
from ..contraction.problem import COPY_BYTES, Problem, as_priced
from ..contraction.tile_product import MOST_CANDIDATES
from ..kernel_family import Accumulation, Rank
from .config import MOST_ROWS, GemvConfig, illegal, shapes, shared_layout
from .cost import microseconds
from .halves import with_halves
from .lines import lines_of, maps
from .rows import own_rows_spec, with_own_rows
from .spec import TEMPLATE, gemv_spec, launch

SUMS = Accumulation(tiled=True)
MOST_VECTOR = 4  # columns that a thread finishes: few rows have few results, which many threads share


@dataclass(frozen=True, kw_only=True)
class GemvFamily(ContractionFamily[GemvConfig]):
    """Products of few rows with K-major weights, by mma.sync with swapped operands, bound by memory."""

    name: str = "contraction_gemv"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.LDMATRIX})
    rounds_operands: bool = True
    groupable: bool = False
    accumulation: Accumulation = SUMS
    computes_rows: bool = True
    takes_halves: bool = True
    config_type: Callable[..., GemvConfig] = GemvConfig

    def found(self, request: Request) -> Contraction | None:
        if any(isinstance(op, Slice) for op in request.ops):
            return with_halves(contraction_of(request) or with_own_rows(request))
        return super().found(request) or with_own_rows(request)

    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        if contraction.has_prologue and not contraction.prologue.whole:
            return "operands go from memory to tensor cores as they are"
        return MMA.refuses(contraction, target) or unsupported(contraction.problem)

    def priced(self, request: Request, contraction: Contraction) -> list[Candidate]:
        problem, target = contraction.problem, request.target
        bulk = target.has(Feature.TMA) and lines_of(problem) is not None
        found = candidates(as_priced(problem), target, bulk)
        return [self.candidate(config, microseconds(problem, config, target)) for config in found]

    def code(self, request: Request, contraction: Contraction, config: GemvConfig) -> KernelCode:
        problem = contraction.problem
        reason = illegal(problem, config, request.target)
        if reason is not None:
            raise ValueError(reason)
        lines = lines_of(problem) if config.stages else None
        whole = contraction.prologue.whole
        values = contraction.root.inputs[1 if whole else 0 :]
        places = [request.region.arguments.index(value) for value in values]
        signature = make_signature(request, (), maps(lines, places, config, problem.halves) if lines else [])
        vector = min(MOST_VECTOR, widest_vector(request, problem.n))
        binding = bind(request, contraction, vector, signature)
        own_rows = own_rows_spec(
            request, contraction, shared_layout(problem, config), config.splits, signature
        )
        spec = gemv_spec(problem, config, binding, request.target, lines, own_rows)
        return KernelCode(TEMPLATE, spec, launch(problem, spec), signature.typed, spec.resident)


def unsupported(problem: Problem) -> str | None:
    """Why PROBLEM, which mma.sync can run, is none of few rows and streamed weights; None when it is."""
    if problem.a in EIGHT_BIT_FLOATS:
        return "sums of 8-bit floats are rounded step by step"
    if problem.windows or len(problem.rows) > 1:
        return "rows that are gathered"
    if problem.at_optimum(problem.m) > MOST_ROWS:
        return "too many rows"
    if not problem.a_k_major or not problem.b_k_major or problem.a_stored != problem.a:
        return "operands are not K-major, or converted"
    wide = min(problem.a_vector * problem.a.bytes, problem.b_vector * problem.b.bytes) == COPY_BYTES
    return None if wide else "operands do not lie at multiples of 16 bytes"


@lru_cache(maxsize=PROBLEMS_KEPT)
def candidates(problem: Problem, target: ArchSpec, bulk: bool = False) -> tuple[GemvConfig, ...]:
    """Legal configurations for PROBLEM, with BULK copies or without, the fastest by the cost model first."""
    ordered = sorted(shapes(problem, target, bulk), key=lambda config: microseconds(problem, config, target))
    return tuple(ordered[:MOST_CANDIDATES])
