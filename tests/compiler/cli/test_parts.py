"""Plans for several targets on the command line: what is shown is one part, by default the first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from glassrt import Plan
from glassrt.compiler.cli.app import app
from typer.testing import CliRunner

from ...places import DIGITS
from .support import Glassrt


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits network for two GPUs that it is planned for apart."""
    folder = tmp_path_factory.mktemp("plans")
    options = ["-o", str(folder / "net.plan"), "-t", "sm_90a", "-t", "sm_86", "--dump-dir", str(folder)]
    result = CliRunner().invoke(app, ["build", str(DIGITS), *options])
    assert result.exit_code == 0 and "sm_90a and sm_86" in result.stdout, result.output
    return folder / "net.plan"


def test_inspect_shows_which_parts_there_are(glassrt: Glassrt, several: Path) -> None:
    facts = json.loads(glassrt("inspect", several, "--json").stdout)
    assert [part["targets"] for part in facts["parts"]] == [["sm_90a"], ["sm_86"]]
    assert facts["targets"] == ["sm_90a"]
    lines = glassrt("inspect", several).stdout.splitlines()
    assert [line.split()[:2] for line in lines if "sm_86" in line] == [["sm_86", "10"]]
    assert any(line.split()[:2] == ["*", "sm_90a"] for line in lines)


def test_a_part_is_shown_by_its_target(glassrt: Glassrt, several: Path) -> None:
    part = Plan.load(several).part("sm_86")
    assert glassrt("inspect", several, "--part", "sm_86", "--level", "launch").stdout == part.ir("launch")
    facts = json.loads(glassrt("inspect", several, "--part", "sm_86", "--json").stdout)
    assert facts["targets"] == ["sm_86"] and [l["kernel"] for l in facts["launches"]] == [  # noqa: E741
        launch.kernel for launch in part.spec.launches
    ]
    assert "registers sm_86" in glassrt("inspect", several, "--part", "sm_86").stdout
    assert "--part" in glassrt("inspect", several, "--part", "sm_80", code=2).stderr


def test_a_plan_for_one_target_has_no_table_of_parts(glassrt: Glassrt, digits_plan: Path) -> None:
    assert "parts" not in glassrt("inspect", digits_plan).stdout


def test_explain_speaks_of_one_part(glassrt: Glassrt, several: Path, tmp_path: Path) -> None:
    plan = Plan.load(several)
    (second,) = plan.further
    told = [*second.ledger[:-1], second.ledger[-1] | {"target": "sm_86"}]
    path = tmp_path / "told.plan"
    replace(plan, further=(replace(second, ledger=told),)).save(path)
    first = glassrt("explain", path, "--ledger").stdout
    assert first == glassrt("explain", path, "--part", "sm_90a", "--ledger").stdout
    assert " for sm_86: " not in first
    assert " for sm_86: " in glassrt("explain", path, "--part", "sm_86", "--ledger").stdout


def test_dumps_of_what_parts_say_for_which(several: Path) -> None:
    names = sorted(path.name for path in several.parent.glob("*.ir"))
    assert "00-input.ir" in names and "01-hold.ir" in names
    apart = {
        name.partition("-")[2]: name.partition("-")[0] for name in names if "decompose-attention" in name
    }
    assert sorted(apart) == ["decompose-attention.sm_86.ir", "decompose-attention.sm_90a.ir"]
    assert not [name for name in names if name.startswith(min(apart.values())) and name.count(".") == 1]
    kernels = {path.stem for path in (several.parent / "kernels").glob("*.cu")}
    assert kernels == {name for part in Plan.load(several).parts for name in part.sources}


def test_a_module_is_lowered_for_one_target(glassrt: Glassrt) -> None:
    message = glassrt("opt", DIGITS, "-t", "sm_90a", "-t", "sm_80", code=2).stderr
    assert "lowered for one target" in message
