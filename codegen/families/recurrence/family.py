"""The kernel family of recurrent ops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ....dialects.core.dtypes import BF16, F16, DType
from ....dialects.core.types import ROW_MAJOR
from ....dialects.graph.recurrence import Recurrence
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import make_signature
from ..kernel_family import ConfiguredFamily, Rank
from .config import FOR_BLOCK, FOR_GROUP, RecurrenceConfig, blocks_of, illegal, layout_of, shapes
from .cost import microseconds
from .spec import TEMPLATE, recurrence_spec

MOST_CANDIDATES = 8
SHORT_FLOATS = (F16, BF16)  # that tensor cores multiply


@dataclass(frozen=True, kw_only=True)
class RecurrenceFamily(ConfiguredFamily[RecurrenceConfig]):
    """All steps of a recurrent op in one launch, by clusters that keep weights and exchange states."""

    name: str = "recurrence_cluster"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset(
        {Feature.CLUSTERS, Feature.TRANSACTION_BARRIERS, Feature.MMA_F16, Feature.MMA_BF16}
    )
    config_type: Callable[..., RecurrenceConfig] = RecurrenceConfig

    def recurrence_time(
        self, op: Recurrence, operands: DType, target: ArchSpec, sizes: Mapping[str, int]
    ) -> float | None:
        if operands not in op.floats:
            return None
        times = (microseconds(op, each, target, sizes) for each in proposed(op, target, sizes, operands))
        return min(times, default=None)

    def candidates(self, request: Request) -> list[Candidate]:
        op = recurrence_of(request)
        if op is None:
            return []
        target, sizes = request.target, request.optimum
        legal = proposed(op, target, sizes, op.x.type.dtype)
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
        layout, signature = layout_of(op, made), make_signature(request)
        blocks, cluster = blocks_of(op, made), (made.cluster, 1, 1)
        geometry = Geometry(blocks, (made.threads, 1, 1), layout.shared_bytes, cluster)
        spec = recurrence_spec(request, op, layout, signature)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, 1)


def proposed(
    op: Recurrence, target: ArchSpec, sizes: Mapping[str, int], dtype: DType
) -> Iterator[RecurrenceConfig]:
    """The configurations for OP, with states of DTYPE, that are proposed.

    A copy for each group only where blocks cannot have one for all of theirs, which is as fast or faster.
    """
    for config in shapes(op, target, sizes, dtype.bits // 8):
        whole = replace(config, copies=FOR_BLOCK)
        if config.copies != FOR_GROUP or illegal(op, whole, target) is not None:
            yield config


def recurrence_of(request: Request) -> Recurrence | None:
    """The recurrent op of which REQUEST's region consists; None for any other region, type or layout."""
    ops = request.ops
    if len(ops) != 1 or not isinstance(ops[0], Recurrence):
        return None
    types = (*request.reads, *request.writes)
    fits = ops[0].x.type.dtype in ops[0].floats and all(type.layout == ROW_MAJOR for type in types)
    return ops[0] if fits and len(request.writes) == len(ops[0].results) else None
