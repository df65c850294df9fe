"""The kernel family of products of few rows with packed weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....dialects.core.dtypes import F16, F32
from ...arch.features import Feature
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.binding import bind, widest_vector
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.tile_product import MOST_CANDIDATES
from ..gemv.family import MOST_VECTOR, SUMS
from ..kernel_family import Accumulation, ConfiguredFamily, Rank
from .config import MOST_ROWS, PackedConfig, illegal, shapes
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
        spec = packed_spec(packed, own, binding, request.target)
        return KernelCode(TEMPLATE, spec, launch(packed, spec), signature.typed, spec.resident)


def packed_problem(request: Request) -> PackedProblem | str:
    """The product of REQUEST with packed weights; why this family does not compute it."""
    contraction = packed_contraction(request)
    if contraction is None or contraction.has_prologue:
        return "no product of rows in memory with packed weights"
    reason = _unsupported(contraction.problem)
    return reason or PackedProblem(contraction, contraction.root.format)  # type: ignore[attr-defined]


def _unsupported(problem: Problem) -> str | None:
    """Why PROBLEM is none of few rows that lanes load 16 bytes at a time; None when it is."""
    if problem.a != F16 or problem.accumulate != F32:
        return "only rows of f16 are multiplied, with sums in f32"
    if problem.at_optimum(problem.m) > MOST_ROWS or len(problem.rows) > 1:
        return "too many rows"
    if not isinstance(problem.k, int) or not problem.a_k_major:
        return "rows that do not lie along k"
    wide = problem.a_vector * problem.a.bytes == COPY_BYTES
    return None if wide else "rows do not lie at multiples of 16 bytes"
