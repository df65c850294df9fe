"""The kernel family of products of few rows with packed weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....dialects.core.dtypes import F16, F32
from ....dialects.graph.block_format import COLUMNS, BlockFormat
from ...arch.features import Feature
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.binding import bind, widest_vector
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.tile_product import MOST_CANDIDATES
from ..gemv.family import MOST_VECTOR, SUMS
from ..gemv.rows import own_rows_spec
from ..kernel_family import Accumulation, ConfiguredFamily, Rank
from .config import MOST_ROWS, PackedConfig, illegal, shapes, shared_layout
from .cost import microseconds
from .problem import PackedProblem, packed_contraction
from .spec import TEMPLATE, launch, packed_spec


@dataclass(frozen=True, kw_only=True)
class PackedFamily(ConfiguredFamily[PackedConfig]):
    """Products of few rows whose weights are packed numbers of 4 or 8 bits with scales, by mma.sync of
    f16."""

    name: str = "contraction_packed"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.LDMATRIX, Feature.MMA_F16, Feature.TMA})
    unpacks: bool = True
    computes_rows: bool = True
    takes_halves: bool = True
    accumulation: Accumulation = SUMS
    config_type: Callable[..., PackedConfig] = PackedConfig

    def candidates(self, request: Request) -> list[Candidate]:
        packed = packed_problem(request)
        if isinstance(packed, str):
            return []
        problem, form, target = packed.problem, packed.format, request.target
        timed = [(microseconds(problem, form, own, target), own) for own in shapes(problem, form, target)]
        timed.sort(key=lambda pair: pair[0])
        return [self.candidate(own, time) for time, own in timed[:MOST_CANDIDATES]]

    def realize(self, request: Request, config: Config) -> KernelCode:
        packed, own = packed_problem(request), self.configured(config)
        if isinstance(packed, str):
            raise ValueError(packed)
        reason = illegal(packed.problem, packed.format, own, request.target)
        if reason is not None:
            raise ValueError(reason)
        place = request.region.arguments.index(packed.root.w)
        signature = make_signature(request, (), [packed.map(place, own)])
        vector = min(MOST_VECTOR, widest_vector(request, packed.problem.n))
        binding = bind(request, packed.contraction, vector, signature)
        memory = shared_layout(packed.problem, packed.format, own)
        own_rows = own_rows_spec(request, packed.contraction, memory, own.splits, signature)
        spec = packed_spec(packed, own, binding, request.target, own_rows)
        return KernelCode(TEMPLATE, spec, launch(packed, spec), signature.typed, spec.resident)


def packed_problem(request: Request) -> PackedProblem | str:
    """The product of REQUEST with packed weights; why this family does not compute it."""
    contraction = packed_contraction(request)
    if contraction is None:
        return "no product of rows in memory, or computed whole, with packed weights"
    form: BlockFormat = contraction.root.format  # type: ignore[attr-defined]
    return _unsupported(contraction.problem, form) or PackedProblem(contraction, form)


def _unsupported(problem: Problem, form: BlockFormat) -> str | None:
    """Why PROBLEM is none of few rows that lanes load 16 bytes at a time; None when it is."""
    if problem.a != F16 or problem.accumulate != F32:
        return "only rows of f16 are multiplied, with sums in f32"
    if problem.at_optimum(problem.m) > MOST_ROWS or len(problem.rows) > 1:
        return "too many rows"
    if problem.m == 0:
        return "no rows"
    if not isinstance(problem.k, int) or not problem.a_k_major:
        return "rows that do not lie along k"
    if problem.a_computed and problem.k % form.depth:
        return "rows that are computed are whole records of k"
    if problem.halves and problem.n % COLUMNS:
        return "halves that share a record"
    wide = problem.a_computed or problem.a_vector * problem.a.bytes == COPY_BYTES
    return None if wide else "rows do not lie at multiples of 16 bytes"
