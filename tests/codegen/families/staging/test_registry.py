"""Which staging an operand gets on a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from glassrt.codegen.arch.features import Feature
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.staging import registry
from glassrt.codegen.families.staging.cp_async import CpAsync
from glassrt.codegen.families.staging.registers import ThroughRegisters
from glassrt.codegen.families.staging.registry import staging_of
from glassrt.codegen.families.staging.staging import StagedOperand, TileStaging
from glassrt.dialects.core.dtypes import F16, F32, I8

AMPERE, HOPPER = arch_named("sm_80"), arch_named("sm_90a")


@dataclass(frozen=True, kw_only=True)
class Bulk(TileStaging):
    """Takes everything where there is TMA."""

    template: Any = CpAsync().template
    arrival: Any = CpAsync().arrival
    needs_features: frozenset[Feature] = frozenset({Feature.TMA})

    def takes(self, operand: StagedOperand) -> bool:
        return True


@pytest.mark.parametrize(
    ("operand", "kind", "registers"),
    [
        (StagedOperand(F16, 8), CpAsync, 0),
        (StagedOperand(F16, 2), CpAsync, 0),
        (StagedOperand(F16, 1), ThroughRegisters, 4),
        (StagedOperand(I8, 2), ThroughRegisters, 4),
        (StagedOperand(F32, 1), CpAsync, 0),
        (StagedOperand(F32, 4, computed=True), ThroughRegisters, 8),
    ],
    ids=str,
)
def test_the_staging_of_an_operand(operand: StagedOperand, kind: type, registers: int) -> None:
    found = staging_of(operand, AMPERE)
    assert isinstance(found, kind) and found.registers(operand) == registers


@pytest.mark.parametrize(("target", "kind"), [(AMPERE, CpAsync), (HOPPER, Bulk)], ids=["sm_80", "sm_90a"])
def test_a_staging_whose_instructions_are_missing_is_passed_over(
    target: ArchSpec, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "STAGINGS", (Bulk(), *registry.STAGINGS))
    found = staging_of(StagedOperand(F16, 8), target)
    assert isinstance(found, kind)
