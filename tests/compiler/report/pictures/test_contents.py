"""What a page shows is all of the plan."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from glassrt import CalibrationTable, InputError, Plan, PlanError
from glassrt.compiler.passes.ledger import Ledger
from glassrt.compiler.report.expected import expected_times
from glassrt.compiler.report.pictures.contents import page_contents


def contents(plan: Plan, **options: Any) -> dict[str, Any]:
    found = plan.inspect(sizes={"N": 4})
    return page_contents(plan, found.to_json(), found.launches, found.buffers, **options)


def test_nothing_of_the_plan_is_left_out(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    found = contents(plan)
    assert [level["name"] for level in found["levels"]] == list(plan.levels)
    assert all(level["text"] == plan.ir(level["name"]) for level in found["levels"])
    assert found["sources"] == plan.sources
    ledger = Ledger.from_json(plan.ledger)
    assert list(found["nodes"]) == [origin.node for origin in ledger.origins]
    assert [record["text"] for record in found["ledger"]] == [record.text() for record in ledger]
    assert [launch["kernel"] for launch in found["launches"]] == [each.kernel for each in plan.spec.launches]
    expected = expected_times(plan, {"N": 4})
    assert [launch["expected"] for launch in found["launches"]] == expected and all(expected)
    assert found["launches"][-1]["span"][1] == pytest.approx(sum(time or 0 for time in expected))
    assert {launch["measured"] for launch in found["launches"]} == {None} and found["tensors"] == []
    for launch in found["launches"]:
        assert launch["why"] == "by the cost model" and launch["members"][0]["config"]


def test_every_node_that_runs_is_in_a_box_of_the_kernel_that_runs_it(digits_plan: Path) -> None:
    found = contents(Plan.load(digits_plan))
    for level in found["levels"]:
        held = {node: box["launch"] for box in level["boxes"] for node in box["nodes"]}
        for node, fate in found["nodes"].items():
            if fate["state"] == "runs":
                assert node in found["launches"][held[node]]["nodes"], (level["name"], node)


def test_measured_times_and_tables_are_taken(digits_plan: Path, made: CalibrationTable) -> None:
    plan = Plan.load(digits_plan)
    times = [float(at) for at in range(len(plan.spec.launches))]
    errors = [math.inf, None, *times[2:]]
    found = contents(plan, measured=times, errors=errors, calibration=made)
    assert [launch["measured"] for launch in found["launches"]] == times
    assert [launch["error"] for launch in found["launches"]] == [None, None, *times[2:]]
    assert [launch["infinite"] for launch in found["launches"]] == [True] + [False] * (len(times) - 1)
    assert len(found["tensors"]) == len(made.tensors)
    with pytest.raises(InputError, match="measured times"):
        contents(plan, measured=times[1:])
    with pytest.raises(InputError, match="errors"):
        contents(plan, errors=times[1:])


def test_texts_that_are_damaged_are_said_to_be(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    for level in ("graph", "launch"):
        with pytest.raises(PlanError, match=f"{level} level is damaged"):
            contents(replace(plan, levels={**plan.levels, level: "nonsense"}))
    with pytest.raises(PlanError, match="other launches"):
        contents(replace(plan, levels={**plan.levels, "launch": plan.ir("graph")}))
    # A plan that was built from the text of a lower level has none above it.
    bare = replace(plan, levels={**plan.levels, "graph": "", "fused": ""})
    assert [level["name"] for level in contents(bare)["levels"]] == ["precision", "launch"]
