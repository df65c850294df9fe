"""The command `glassrt verify`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from glassrt import Plan

from .support import Glassrt


def test_the_command_tells_and_fails(digits_plan: Path, tmp_path: Path, glassrt: Glassrt) -> None:
    plan = Plan.load(digits_plan)
    assert json.loads(glassrt("verify", digits_plan, "--json").stdout)["ok"]
    replace(plan, headers={**plan.headers, "math.cuh": "// none"}).save(tmp_path / "net.plan")
    shown = glassrt("verify", tmp_path / "net.plan", "--no-code", code=1)
    assert "math.cuh" in shown.stdout and "its text is another" in shown.stdout
