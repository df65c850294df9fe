"""Staging through registers takes everything, for registers."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.staging.registers import ThroughRegisters
from glassrt.codegen.families.staging.staging import StagedOperand
from glassrt.dialects.core.dtypes import F16, I8


def test_everything_is_taken_and_held_in_registers() -> None:
    staging = ThroughRegisters()
    for operand in (StagedOperand(I8, 1), StagedOperand(F16, 8), StagedOperand(F16, 8, computed=True)):
        assert staging.takes(operand)
    assert staging.registers(StagedOperand(F16, 8)) * 4 == 16
    assert staging.registers(StagedOperand(F16, 8, computed=True)) == 2 * staging.registers(
        StagedOperand(I8, 1)
    )
    assert staging.runs_on(REFERENCE) and not staging.asynchronous
