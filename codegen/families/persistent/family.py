"""The kernel family of persistent contractions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from ....dialects.core.bounds import bounds
from ....dialects.core.dtypes import EIGHT_BIT_FLOATS, F32
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...emit.tile_epilogue import PAIR
from ...request.parameters import TensorMapParameter
from ...request.request import Candidate, KernelCode, Request
from ...request.signature import make_signature
from ..contraction import tile
from ..contraction.binding import EXACT, Contraction, bind, bound, widest_vector
from ..contraction.families import PROBLEMS_KEPT, ContractionFamily
from ..contraction.problem import Problem, as_priced
from ..contraction.tile_product import MOST_CANDIDATES
from ..contraction.wgmma import LINE_BYTES, WGMMA, misplaced
from ..kernel_family import Accumulation, Rank
from .config import FEW_BUFFERS, MANY_BUFFERS, SHORT, PersistentConfig, illegal, misfit, shapes
from .cost import microseconds
from .depth import promotes, tiles_of_k
from .interleave import interleaved, run_of, vector_of
from .operands import BulkOperand, operand_a, operand_b
from .results import BulkResults, TileOf, bulk_results
from .spec import TEMPLATE, launch, persistent_spec
from .splits import split_shapes

# Sums of 128 products of 8-bit floats have about 13 bits, relative to the largest product; they are promoted
# to f32.
SUMS = Accumulation(frozenset(EIGHT_BIT_FLOATS), terms=LINE_BYTES, roundoff=2.0**-13, tiled=True)


@dataclass(frozen=True, kw_only=True)
class PersistentFamily(ContractionFamily[PersistentConfig]):
    """Large matrix products and convolutions on Hopper: tiles by bulk copies, products by wgmma."""

    name: str = "contraction_persistent"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.WGMMA, Feature.TMA, Feature.IM2COL})
    groupable: bool = False
    saturates: bool = True
    turns: bool = True
    rounds_operands: bool = True
    accumulation: Accumulation = SUMS
    config_type: Callable[..., PersistentConfig] = PersistentConfig

    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        if contraction.has_prologue:
            return "bulk copies compute nothing"
        if contraction.is_exact:
            return EXACT
        reason = unsupported(contraction.problem, target)
        if reason is not None:
            return reason
        operands = bulk_operands(contraction)
        return operands if isinstance(operands, str) else None

    def priced(self, request: Request, contraction: Contraction) -> list[Candidate]:
        problem = contraction.problem
        results = bulk_results(request, contraction)
        buffers = buffers_for(problem, results.residual is not None) if results else 0
        found = _priced(as_priced(problem), request.target, buffers)
        return [Candidate(self.name, dict(config), microseconds) for config, microseconds in found]

    def code(self, request: Request, contraction: Contraction, config: PersistentConfig) -> KernelCode:
        problem, operands = contraction.problem, bulk_operands(contraction)
        reason = misfit(problem, config) or illegal(config, request.target.shared_bytes)
        if reason is not None or isinstance(operands, str):
            raise ValueError(reason or operands)
        values = (contraction.root.inputs[0], contraction.root.inputs[1])
        places = [request.region.arguments.index(value) for value in values]
        results = bulk_results(request, contraction) if config.buffers else None
        results, b = leaving(request, contraction, results, config.block_n, operands[1], splits=config.splits)
        operands = (operands[0], b)
        bulk = results.maps(config.own_n) if results else []
        signature = make_signature(request, (), [*maps(operands, places, config), *bulk])
        if results:
            vector = vector_of(results, config.own_n) if b.interleave else PAIR
            binding = bound(request, contraction, vector, signature, results.epilogue)
        else:
            binding = bind(request, contraction, widest_vector(request, problem.n), signature)
        spec = persistent_spec(problem, *operands, config, binding, results)
        geometry = launch(problem, config, request.target.multiprocessors)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, 1, spec.header)


def leaving(
    request: Request,
    contraction: Contraction,
    results: BulkResults | None,
    block_n: int,
    b: BulkOperand,
    tile: TileOf | None = None,
    splits: int = 1,
) -> tuple[BulkResults | None, BulkOperand]:
    """RESULTS of REQUEST in bulk, of tiles of BLOCK_N columns that SPLITS blocks share, and B: interleaved,
    if threads then finish vectors. TILE: see `bulk_results`."""
    own_n = block_n // splits
    own = interleaved(b, block_n, run_of(results, own_n)) if results else None
    vectors = bulk_results(request, contraction, vector_of(results, own_n), tile) if results and own else None
    return (vectors, own) if vectors and own else (results, b)


def buffers_for(problem: Problem, residual: bool) -> int:
    """Chunks of results of PROBLEM that a warpgroup has under way.

    Many where a RESIDUAL has to be there before the results, or where products are short.
    """
    short = problem.at_optimum(tiles_of_k(problem)) <= SHORT
    return MANY_BUFFERS if residual or short else FEW_BUFFERS


def unsupported(problem: Problem, target: ArchSpec) -> str | None:
    """Why persistent kernels do not compute PROBLEM, whatever lies where; None when they may."""
    own = promotes(problem) or (problem.a == problem.b == problem.accumulate == F32)
    reason = misplaced(problem) if own else WGMMA.unsupported(problem, target)
    if reason is not None:
        return reason
    if problem.a_stored != problem.a:
        return "bulk copies convert nothing"
    ranges = {name: (low, high) for name, low, _, high in problem.sizes}
    for size in (problem.m, problem.n, problem.k, problem.batches):
        if (bounds(size, ranges)[0] or 0) < 1:
            return "a tensor map has no empty dimension"
    return None


def bulk_operands(contraction: Contraction) -> tuple[BulkOperand, BulkOperand] | str:
    """A and B as bulk copies bring them; why they cannot."""
    a = operand_a(contraction.problem, contraction.root)
    if isinstance(a, str):
        return a
    b = operand_b(contraction.problem)
    return b if isinstance(b, str) else (a, b)


def maps(
    operands: tuple[BulkOperand, BulkOperand], places: list[int], config: PersistentConfig
) -> list[TensorMapParameter]:
    """The tensor maps of A and B, which are the buffers PLACES of the kernel."""
    (a, b), (a_place, b_place) = operands, places
    return [
        TensorMapParameter("a_map", a.map(a_place, config.block_m)),
        TensorMapParameter("b_map", b.map(b_place, config.block_n, config.cluster)),
    ]


@lru_cache(maxsize=PROBLEMS_KEPT)
def candidates(problem: Problem, target: ArchSpec, buffers: int = 0) -> tuple[PersistentConfig, ...]:
    """Legal configurations for PROBLEM with BUFFERS of results, the fastest by the cost model first."""
    found = [
        config if config.kept else replace(config, raster=tile.raster(problem, config.block_n, target))
        for config in (
            *shapes(problem, target.shared_bytes, buffers),
            *split_shapes(problem, target, buffers),
        )
    ]
    ordered = sorted(found, key=lambda config: microseconds(problem, config, target))
    return tuple(ordered[:MOST_CANDIDATES])


@lru_cache(maxsize=PROBLEMS_KEPT)
def _priced(
    problem: Problem, target: ArchSpec, buffers: int
) -> tuple[tuple[tuple[tuple[str, int], ...], float], ...]:
    """The `candidates` as (field, value) pairs, with their times in microseconds."""
    found = candidates(problem, target, buffers)
    return tuple((tuple(asdict(config).items()), microseconds(problem, config, target)) for config in found)
