"""The kernel family of recurrent ops by wgmma."""

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
from ..recurrence.family import MOST_CANDIDATES, SHORT_FLOATS, recurrence_of
from .config import WgmmaRecurrenceConfig, blocks_of, illegal, layout_of, shapes
from .cost import microseconds
from .spec import HEADER, TEMPLATE, wgmma_recurrence_spec


@dataclass(frozen=True, kw_only=True)
class WgmmaRecurrenceFamily(ConfiguredFamily[WgmmaRecurrenceConfig]):
    """All steps of an LSTM in one launch, by warpgroups that keep weights in registers."""

    name: str = "recurrence_wgmma"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset(
        {Feature.CLUSTERS, Feature.TRANSACTION_BARRIERS, Feature.WGMMA}
    )
    config_type: Callable[..., WgmmaRecurrenceConfig] = WgmmaRecurrenceConfig

    def recurrence_time(
        self, op: Recurrence, operands: DType, target: ArchSpec, sizes: Mapping[str, int]
    ) -> float | None:
        if operands not in SHORT_FLOATS:
            return None
        return min(
            (microseconds(op, each, target, sizes) for each in shapes(op, target, sizes)), default=None
        )

    def candidates(self, request: Request) -> list[Candidate]:
        op = recurrence_of(request)
        if op is None or op.x.type.dtype not in SHORT_FLOATS:
            return []
        target, sizes = request.target, request.optimum
        legal = shapes(op, target, sizes)
        found = [self.candidate(each, microseconds(op, each, target, sizes)) for each in legal]
        return sorted(found, key=lambda candidate: candidate.microseconds)[:MOST_CANDIDATES]

    def realize(self, request: Request, config: Config) -> KernelCode:
        op, made = recurrence_of(request), self.configured(config)
        if op is None or op.x.type.dtype not in SHORT_FLOATS:
            raise ValueError("not one recurrent op of short floats with dense buffers in row-major order")
        reason = illegal(op, made, request.target)
        if reason is not None:
            raise ValueError(reason)
        layout, signature = layout_of(op, made), make_signature(request)
        blocks, cluster = blocks_of(op, made), (made.cluster, 1, 1)
        geometry = Geometry(blocks, (made.threads, 1, 1), layout.shared_bytes, cluster)
        spec = wgmma_recurrence_spec(request, op, layout, signature)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, 1, HEADER)
