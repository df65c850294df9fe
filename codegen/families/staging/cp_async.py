"""Staging by cp.async (sm_80 and later): asynchronous copies that bypass registers."""

from __future__ import annotations

from dataclasses import dataclass

from ...arch.features import Feature
from ...text.render import Template
from .staging import StagedOperand, TileStaging

TEMPLATE = Template("lib/staging/cp_async.cu.j2")
GROUPS = Template("lib/staging/cp_async_groups.cu.j2")
NARROWEST = 4  # bytes of the narrowest cp.async


@dataclass(frozen=True, kw_only=True)
class CpAsync(TileStaging):
    """Stages operands without a prologue, in copies of at least 4 bytes."""

    template: Template = TEMPLATE
    arrival: Template | None = GROUPS
    needs_features: frozenset[Feature] = frozenset({Feature.CP_ASYNC})
    asynchronous: bool = True

    def takes(self, operand: StagedOperand) -> bool:
        return not operand.computed and operand.copy_bytes >= NARROWEST
