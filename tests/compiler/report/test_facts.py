"""Facts of a plan: which launch has a node, and which records are about what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.compiler.driver.build import Settings, build, context_of, launch_level
from glassrt.compiler.passes.ledger import Ledger, Origin, Record, Verdict
from glassrt.compiler.report.facts import COPIES, Facts
from glassrt.compiler.report.nodes import explain_node
from glassrt.errors import InputError, PlanError
from glassrt.runtime.plan import Plan
from glassrt.testing.net import Net

from .explained import facts_of, kernels_of, lowered, residual_net


def test_names_are_nodes_or_tensors() -> None:
    facts = facts_of(residual_net())
    assert facts.resolve("y") == "add8"
    with pytest.raises(InputError, match="is an input of the model"):
        facts.resolve("image")
    with pytest.raises(InputError, match="is conv3 or conv0 meant"):
        facts.resolve("conv")


def record(rule: str, *nodes: str, split: int = 0, verdict: Verdict = Verdict.TAKEN) -> Record:
    return Record(rule, (), nodes, verdict, "a reason", {}, split)


EPILOGUE, VIEW = "contraction-epilogue", "view"
REWRITE = "idempotent"
RECORDS = (
    record(REWRITE, "a", "b", split=1),
    record(EPILOGUE, "a", "b", split=1, verdict=Verdict.REFUSED),
    record(EPILOGUE, "b", "a", split=1),
    record("group-launches", "a", "b"),
    record(COPIES, "a", "b"),
    record(EPILOGUE, "b", "c", split=1),
)


def facts() -> Facts:
    origins = [Origin("a", ("graph.neg",)), Origin("b", ("graph.abs",), ("a",)), Origin("c", (), ("b", "a"))]
    return Facts(Ledger(RECORDS, origins), Net().done())


def test_records_are_found_by_their_nodes() -> None:
    """Copies are about no node."""
    found = facts()
    assert found.by_node["a"] == list(RECORDS[:4])
    assert found.by_node["c"] == [RECORDS[5]] and set(found.by_node) == {"a", "b", "c"}
    assert found.readers == {"a": ["b", "c"], "b": ["c"]}


def test_records_about_an_edge() -> None:
    found = facts()
    assert found.about("a", "b") == found.about("b", "a") == list(RECORDS[:4])
    assert found.about("a", "c") == []
    # Rewrites and groups decide nothing about the edge itself, which has a direction.
    assert found.between("a", "b") == [RECORDS[1]] and found.between("b", "a") == [RECORDS[2]]
    assert found.rewired("a", "b") is RECORDS[0] and found.rewired("b", "a") is None


def test_what_took_a_node_away() -> None:
    found = facts()
    assert found.rewrite("b") is RECORDS[0] and found.rewrite("a") is None
    assert found.removal("b") is RECORDS[0] and found.removal("a") is RECORDS[2]
    assert found.removal("c") is RECORDS[5]
    assert found.last_about(EPILOGUE, "a") is RECORDS[2] and found.last_about(VIEW, "a") is None


def test_nodes_are_where_their_kernels_are() -> None:
    ledger, launch, precision = lowered(residual_net())
    found = Facts(ledger, launch, precision)
    kernels = kernels_of(launch)
    assert len(found.launches) == len(kernels)
    for node, places in found.where.items():
        assert places == [index for index, nodes in enumerate(kernels) if node in nodes]
    assert found.launches[1].nodes == ("conv0", "add1", "relu2") and found.launches[1].with_nodes("add1") == [
        0
    ]
    assert found.launches[1].with_nodes("conv0", "conv3") == []
    kernel = found.precision_of(["reshape6", "add1"])
    assert kernel is not None and kernel.root == "contraction"
    assert found.precision_of(["reshape6"]) is None and Facts(ledger, launch).precision_of(["add1"]) is None


@pytest.fixture(scope="module")
def plan() -> Plan:
    return build(residual_net(), Settings(cache=None)).plan


def test_the_facts_of_a_plan(plan: Plan) -> None:
    found, other = Facts.of(plan), facts_of(residual_net())
    assert found.where == other.where and found.records == other.records and "y" in found


def test_a_plan_from_the_launch_level_says_where_nodes_run() -> None:
    """Nothing is known of what is above that level."""
    own = Settings(cache=None)
    facts = Facts.of(build(launch_level(residual_net(), own, context_of(own)), own).plan)
    answer = explain_node(facts, "conv0")
    assert [home.together for home in answer.homes] == [("add1", "relu2")]
    assert facts.precision_of(["conv0"]) is None and answer.homes[0].formats == {}


def test_damaged_plans_are_told(plan: Plan) -> None:
    with pytest.raises(PlanError, match="the plan's launch level is damaged"):
        Facts.of(replace(plan, levels={**plan.levels, "launch": "module @a {"}))
    with pytest.raises(PlanError, match="ledger is not one of this version"):
        Facts.of(replace(plan, ledger=[{"rule": "view"}]))
