"""Staging through registers: loads of any width, and prologues, computed between the load and the store."""

from __future__ import annotations

from dataclasses import dataclass

from ...text.render import Template
from .cp_async import GROUPS
from .staging import StagedOperand, TileStaging

TEMPLATE = Template("lib/staging/registers.cu.j2")
WORDS = 4  # registers that hold 16 bytes


@dataclass(frozen=True, kw_only=True)
class ThroughRegisters(TileStaging):
    """Stages every operand; the loads of the next tile are under way while this one is multiplied.

    Its groups of copies are empty: one wait does for two operands of which one is copied by cp.async.
    """

    template: Template = TEMPLATE
    arrival: Template | None = GROUPS

    def takes(self, operand: StagedOperand) -> bool:
        return True

    def registers(self, operand: StagedOperand) -> int:
        """Those of the loaded elements, and with a prologue those of the computed ones."""
        return 2 * WORDS if operand.computed else WORDS
