"""Which staging an operand gets, and that all that belongs to it stands in its own template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from types import SimpleNamespace
from typing import Any

import pytest
from glassrt import templates
from glassrt.codegen.arch.features import Feature
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.staging.cp_async import CpAsync
from glassrt.codegen.families.staging.registers import ThroughRegisters
from glassrt.codegen.families.staging.registry import STAGINGS, staging_of
from glassrt.codegen.families.staging.staging import StagedOperand, TileStaging
from glassrt.codegen.text import render as rendering
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
def test_a_staging_whose_instructions_are_missing_is_passed_over(target: ArchSpec, kind: type) -> None:
    found = staging_of(StagedOperand(F16, 8), target, (Bulk(), *STAGINGS))
    assert isinstance(found, kind)


def arrival(name: str, *stagings: TileStaging) -> str:
    """What lib/staging/arrival.cu.j2 emits by its macro NAME for operands that come by STAGINGS."""
    module: Any = rendering.environment().get_template("lib/staging/arrival.cu.j2").module
    ops = [SimpleNamespace(arrives_by=staging.arrival) for staging in stagings]
    arguments = ("STAGES - 2", "") if name == "wait" else ("",)
    return str(getattr(module, name)(ops, *arguments)).strip()


@pytest.mark.parametrize("stagings", [(CpAsync(),), (CpAsync(), CpAsync()), (ThroughRegisters(), CpAsync())])
def test_operands_share_groups_and_waits(stagings: tuple[TileStaging, ...]) -> None:
    assert arrival("commit", *stagings) == "cp_async_commit();"
    assert arrival("wait", *stagings) == "cp_async_wait<STAGES - 2>();\nsync_threads();"
    assert arrival("drain", *stagings) == "cp_async_wait<0>();"


def emitting(folder: Traversable, pattern: str) -> set[str]:
    """The names of the templates in FOLDER and below whose text, without comments, matches PATTERN."""
    found: set[str] = set()
    for item in folder.iterdir():
        if item.is_dir():
            found |= emitting(item, pattern)
        elif item.name.endswith(".j2"):
            text = re.sub(r"\{#.*?#\}", "", item.read_text(encoding="utf-8"), flags=re.DOTALL)
            found |= {item.name} if re.search(pattern, text) else set()
    return found


def test_only_its_own_template_knows_cp_async() -> None:
    own = {"cp_async.cu.j2", "cp_async_groups.cu.j2"}
    assert emitting(resources.files(templates), r"\bcp_async\w*[<(]") == own


def test_what_is_not_in_flight_is_not_waited_for() -> None:
    still = Bulk(arrival=None)
    assert arrival("commit", still) == arrival("drain", still) == ""
    assert arrival("wait", still) == "sync_threads();", "the barrier of the block is not a staging's"
    assert arrival("commit", still, CpAsync()) == "cp_async_commit();"
