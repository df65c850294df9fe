"""What a command is about: a plan or a model."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from glassrt.compiler.cli.request import BuildRequest
from glassrt.compiler.cli.subject import load_plan, part_of
from glassrt.errors import PlanError

from ...runtime.tiny_plans import affine_plan


def test_options_of_builds_mean_nothing_for_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "a.plan"
    affine_plan().save(path)
    assert load_plan(path, BuildRequest.parse()) == affine_plan()
    with pytest.raises(typer.BadParameter, match="have no effect on a plan"):
        load_plan(path, BuildRequest.parse(precision="fp16"))
    path.write_bytes(b"damaged")
    with pytest.raises(PlanError):
        load_plan(path, BuildRequest.parse())


def test_parts_by_their_target() -> None:
    plan = affine_plan()
    assert part_of(plan, None) is plan.parts[0] and part_of(plan, "sm_90a") is plan.parts[0]
    with pytest.raises(typer.BadParameter) as caught:
        part_of(plan, "sm_80")
    assert caught.value.param_hint == "--part"
