"""Staging through registers: loads of any width, and prologues, computed between load and store."""

from __future__ import annotations

from dataclasses import dataclass

from ...text.render import Template
from .cp_async import GROUPS
from .staging import StagedOperand, TileStaging

TEMPLATE = Template("lib/staging/registers.cu.j2")
WORDS = 4  # registers that hold 16 bytes


@dataclass(frozen=True, kw_only=True)
class ThroughRegisters(TileStaging):
    """Stages every operand; the loads of the next tile are in flight while this one is multiplied.

    Its copy groups are empty, so that one wait serves both operands when the other is copied by cp.async.
    """

    template: Template = TEMPLATE
    arrival: Template | None = GROUPS

    def takes(self, operand: StagedOperand) -> bool:
        return True

    def registers(self, operand: StagedOperand) -> int:
        """The registers of the loaded elements and, with a prologue, of the computed ones."""
        return 2 * WORDS if operand.computed else WORDS
