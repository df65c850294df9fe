"""The kernel family of recurrent ops whose blocks are a cooperative grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ....dialects.core.dtypes import DType
from ....dialects.graph.recurrence import Recurrence
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import make_signature
from ..kernel_family import ConfiguredFamily, Rank
from ..recurrence.family import MOST_CANDIDATES, recurrence_of
from .config import GridRecurrenceConfig, blocks_of, illegal, layout_of, shapes
from .cost import microseconds
from .spec import TEMPLATE, grid_recurrence_spec, grid_scratch


@dataclass(frozen=True, kw_only=True)
class GridRecurrenceFamily(ConfiguredFamily[GridRecurrenceConfig]):
    """All steps of a recurrent op in one launch, by the blocks of a grid that exchange states in memory."""

    name: str = "recurrence_grid"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.CP_ASYNC, Feature.MMA_F16, Feature.MMA_BF16})
    config_type: Callable[..., GridRecurrenceConfig] = GridRecurrenceConfig

    def recurrence_time(
        self, op: Recurrence, operands: DType, target: ArchSpec, sizes: Mapping[str, int]
    ) -> float | None:
        if operands not in op.floats:
            return None
        legal = shapes(op, target, sizes, operands.bits // 8)
        return min((microseconds(op, each, target, sizes) for each in legal), default=None)

    def candidates(self, request: Request) -> list[Candidate]:
        op = recurrence_of(request)
        if op is None:
            return []
        target, sizes = request.target, request.optimum
        legal = shapes(op, target, sizes, op.x.type.dtype.bits // 8)
        found = [self.candidate(each, microseconds(op, each, target, sizes)) for each in legal]
        return sorted(found, key=lambda candidate: candidate.microseconds)[:MOST_CANDIDATES]

    def realize(self, request: Request, config: Config) -> KernelCode:
        op, made = recurrence_of(request), self.configured(config)
        if op is None:
            raise ValueError("not one recurrent op with dense buffers in row-major order")
        if made.width * 8 != op.x.type.dtype.bits:
            raise ValueError("its states have another width")
        reason = illegal(op, made, request.target)
        if reason is not None:
            raise ValueError(reason)
        layout, signature = layout_of(op, made), make_signature(request, grid_scratch(op, made))
        threads, shared = (made.threads, 1, 1), layout.shared_bytes
        geometry = Geometry(blocks_of(op, made), threads, shared, cooperative=True)
        spec = grid_recurrence_spec(request, op, made, signature)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, 1)
