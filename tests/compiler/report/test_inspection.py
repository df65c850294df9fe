"""`Plan.inspect`: what it says is typed, and what `glassrt inspect` prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt import GlassError, InputError, Plan

from ..cli.support import Glassrt


def test_a_plan_shows_itself_at_given_sizes(digits_plan: Path, glassrt: Glassrt) -> None:
    plan = Plan.load(digits_plan)
    found, twice = plan.inspect(sizes={"N": 2}), plan.inspect(sizes={"N": 4})
    assert found.symbols == {"N": 2} and len(found.launches) == len(plan.spec.launches)
    assert sum(each.bytes for each in found.launches) < sum(each.bytes for each in twice.launches)
    assert found.to_json() == json.loads(glassrt("inspect", digits_plan, "--size", "N=2", "--json").stdout)
    assert str(found).split() == glassrt("inspect", digits_plan, "--size", "N=2").stdout.split()
    with pytest.raises(InputError, match="M"):
        plan.inspect(sizes={"M": 2})


def test_a_page_is_written_complete_or_not_at_all(digits_plan: Path, tmp_path: Path) -> None:
    found = Plan.load(digits_plan).inspect()
    found.save_html(tmp_path / "out.html")
    assert (tmp_path / "out.html").read_text() == found.to_html()
    with pytest.raises(InputError, match="1 measured times"):
        found.save_html(tmp_path / "out.html", measured=[1.0])
    with pytest.raises(InputError):
        found.save_html(3)  # type: ignore[arg-type]
    with pytest.raises(GlassError, match="cannot write"):
        found.save_html(tmp_path / "absent" / "out.html")
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]
