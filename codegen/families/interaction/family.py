"""The kernel family of interactions: a warp looks up the features of a sample and multiplies their pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ....dialects.core.affine import ceildiv
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.dtypes import DType
from ....dialects.core.types import ROW_MAJOR
from ....dialects.graph.interaction import Interaction
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import make_signature
from ..kernel_family import ConfiguredFamily, Rank
from .layout import InteractionConfig, fits, layout_of
from .spec import TEMPLATE, interaction_spec

SAMPLES = (1, 2, 4, 8)


@dataclass(frozen=True, kw_only=True)
class InteractionFamily(ConfiguredFamily[InteractionConfig]):
    """Interactions on tensor cores, with the features of a sample in shared memory."""

    name: str = "interaction_mma"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.MMA_F16, Feature.MMA_BF16})
    config_type: Callable[..., InteractionConfig] = InteractionConfig

    def interacts(self, op: Interaction, operands: DType, target: ArchSpec) -> bool:
        return operands in op.floats and fits(op) and _legal(op, InteractionConfig(1), target)

    def candidates(self, request: Request) -> list[Candidate]:
        op = interaction_of(request)
        if op is None:
            return []
        configs = [own for own in map(InteractionConfig, SAMPLES) if _legal(op, own, request.target)]
        found = [self.candidate(own, microseconds(request, op, own)) for own in configs]
        return sorted(found, key=lambda candidate: candidate.microseconds)

    def realize(self, request: Request, config: Config) -> KernelCode:
        op, made = interaction_of(request), self.configured(config)
        if op is None:
            raise ValueError("not one interaction with dense buffers in row-major order")
        if made.samples not in SAMPLES or not _legal(op, made, request.target):
            raise ValueError("a size that there is no kernel for")
        layout, signature = layout_of(op, made), make_signature(request)
        blocks = (ceildiv(op.batch, made.samples), 1, 1)
        geometry = Geometry(blocks, (made.threads, 1, 1), layout.shared_bytes)
        spec = interaction_spec(request, op, layout, signature)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, 1)


def _legal(op: Interaction, config: InteractionConfig, target: ArchSpec) -> bool:
    return layout_of(op, config).shared_bytes <= target.shared_bytes


def interaction_of(request: Request) -> Interaction | None:
    """The interaction of which REQUEST's region consists; None for any other region, type or layout."""
    ops = request.ops
    if len(ops) != 1 or not isinstance(ops[0], Interaction):
        return None
    types = (*request.reads, *request.writes)
    right = ops[0].y.type.dtype in ops[0].floats and all(type.layout == ROW_MAJOR for type in types)
    return ops[0] if right and fits(ops[0]) else None


def microseconds(request: Request, op: Interaction, config: InteractionConfig) -> float:
    """Expected microseconds of OP under CONFIG: latencies, then its bytes, as far as there are blocks."""
    target, layout = request.target, layout_of(op, config)
    batch = max(evaluate(op.batch, request.optimum), 1)
    share = min(1.0, math.ceil(batch / config.samples) / target.multiprocessors)
    moved = batch * (layout.features * layout.width + layout.results) * layout.bytes
    fit = target.fitted.interaction
    scattered = batch * layout.results * layout.bytes * fit.scattered / layout.vector
    return fit.launch + fit.latency + (moved + scattered) / (target.bytes_per_second * share) * 1e6
