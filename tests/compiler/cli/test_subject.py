"""What a command is about: a plan, by its bytes or its name, or a model."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from glassrt.compiler.cli.request import BuildRequest
from glassrt.compiler.cli.subject import is_plan, load_plan, part_of
from glassrt.errors import ModelError, PlanError
from glassrt.runtime.plan_format import MAGIC

from ...runtime.tiny_plans import affine_plan


@pytest.mark.parametrize(
    ("name", "content", "plan"),
    [
        ("a", MAGIC + b"rest", True),
        ("a.plan", b"damaged", True),
        ("a.onnx", b"\x08\x07", False),
        ("a", b"", False),
    ],
)
def test_a_plan_is_told_by_its_bytes_or_its_name(
    tmp_path: Path, name: str, content: bytes, plan: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert is_plan(path) == plan
    with pytest.raises(ModelError, match="cannot read"):
        is_plan(tmp_path / "missing")


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
