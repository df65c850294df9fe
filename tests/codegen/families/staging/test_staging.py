"""Stagings and their templates: what is shared, and who knows of what."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable
from types import SimpleNamespace
from typing import Any

import pytest
from glassrt import templates
from glassrt.codegen.families.staging.cp_async import CpAsync
from glassrt.codegen.families.staging.registers import ThroughRegisters
from glassrt.codegen.families.staging.staging import TileStaging
from glassrt.codegen.text import render as rendering


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
    # Rows that are looked up or kept, patches of images, and states of cells: no tiles of an operand.
    names = ("interaction", "body", "copies", "inputs", "exchange", "kept_rows", "setup", "step")
    others = {f"{name}.cu.j2" for name in names}
    assert emitting(resources.files(templates), r"\bcp_async\w*[<(]") == own | others


def test_what_is_not_in_flight_is_not_waited_for() -> None:
    still = replace(CpAsync(), arrival=None)
    assert arrival("commit", still) == arrival("drain", still) == ""
    assert arrival("wait", still) == "sync_threads();", "the barrier of the block is not a staging's"
    assert arrival("commit", still, CpAsync()) == "cp_async_commit();"
