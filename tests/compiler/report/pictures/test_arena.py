"""The memory map."""

from __future__ import annotations

from pathlib import Path

from glassrt import Plan
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.compiler.report.launches import buffers_of
from glassrt.compiler.report.pictures.arena import memory_map
from glassrt.runtime.steps import Repeat, launches_in, lists_of

from ....e2e.test_control_flow import NESTED, model


def test_buffers_that_live_together_share_no_byte_at_the_largest_sizes(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    found = memory_map(plan, buffers_of(plan, {"N": 4}))
    rows = found["buffers"]
    assert found["bytes"] == plan.spec.arena_bytes and len(rows) > 2
    assert {row["name"] for row in rows} == {b.name for b in plan.spec.buffers.values() if b.space == "arena"}
    largest = {buffer.name: buffer.bytes for buffer in buffers_of(plan, {"N": 64})}
    for at, row in enumerate(rows):
        assert row["most"] == largest[row["name"]] == 16 * row["bytes"]
        assert row["offset"] + row["most"] <= found["bytes"]
        assert (row["first"], row["last"]) == (row["users"][0], row["users"][-1])
        assert row["name"] in plan.spec.launches[row["first"]].writes
        for other in rows[:at]:
            together = row["first"] <= other["last"] and other["first"] <= row["last"]
            lower, upper = sorted((row, other), key=lambda each: each["offset"])
            assert not together or lower["offset"] + lower["most"] <= upper["offset"]


def test_what_is_used_in_a_loop_and_outside_of_it_lives_through_the_loop() -> None:
    apart = Settings(disabled=frozenset({PredicateBranches.name}), cache=None)
    plan = build(model(NESTED), apart).plan
    rows = memory_map(plan, buffers_of(plan, {"T": 3}))["buffers"]
    (loop,) = (step for step in plan.spec.steps if isinstance(step, Repeat))
    inside = {index for each in lists_of(loop) for index in launches_in(each)}
    crossing = [row for row in rows if inside & set(row["users"]) and set(row["users"]) - inside]
    assert crossing
    for row in crossing:
        assert row["first"] <= min(inside) and max(inside) <= row["last"]
