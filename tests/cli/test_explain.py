"""`glassrt explain`: all decisions, one node, two nodes, and the switches that it speaks of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt import Plan
from glassrt.compiler.ledger import Ledger, Verdict
from glassrt.compiler.rules import RULES

from .support import DIGITS, Glassrt


def test_the_summary_counts_decisions_and_launches(glassrt: Glassrt, digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    output = glassrt("explain", digits_plan).stdout
    assert f"{len(plan.spec.launches)} launches" in output
    summary = json.loads(glassrt("explain", digits_plan, "--json").stdout)
    ledger = Ledger.from_json(plan.ledger)
    assert summary["decisions"] == len(ledger)
    assert summary["launches"] == len(plan.spec.launches)
    for row in summary["rules"]:
        for verdict in Verdict:
            count = sum(r.rule == row["rule"] and r.verdict is verdict for r in ledger)
            assert row[str(verdict)] == count
        assert row["rule"] in output
    assert summary["launches_saved"] > 0 and summary["bytes_saved"] > 0


def test_the_ledger_is_text_as_well(glassrt: Glassrt, digits_plan: Path) -> None:
    ledger = Ledger.from_json(Plan.load(digits_plan).ledger)
    lines = glassrt("explain", digits_plan, "--ledger").stdout.splitlines()
    assert len(lines) == len(ledger)
    assert any(line.startswith("taken contraction-epilogue: ") for line in lines)
    assert json.loads(glassrt("explain", digits_plan, "--ledger", "--json").stdout) == ledger.to_json()
    glassrt("explain", digits_plan, "a", "--ledger", code=2)


def test_two_nodes_that_are_fused_and_two_that_are_not(glassrt: Glassrt, digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    ledger = Ledger.from_json(plan.ledger)
    taken = next(r for r in ledger if r.split and r.consumers and r.verdict is Verdict.TAKEN)
    a, b = taken.producers[0], taken.consumers[-1]
    answer = json.loads(glassrt("explain", digits_plan, b, a, "--json").stdout)
    assert answer["nodes"] == [a, b]
    assert answer["verdict"] == "fused"
    assert taken.rule in answer["rule"]
    assert {a, b} <= set(plan.spec.launches[answer["launches"][0]].nodes)
    assert f"{a} and {b} are fused by" in glassrt("explain", digits_plan, a, b).stdout
    refused = next(r for r in ledger if r.split and r.consumers and r.verdict is Verdict.REFUSED)
    a, b = refused.producers[0], refused.consumers[-1]
    answer = json.loads(glassrt("explain", digits_plan, a, b, "--json").stdout)
    assert (answer["verdict"], answer["reason"]) == ("refused", refused.reason)
    output = glassrt("explain", digits_plan, a, b).stdout
    assert f"{a} and {b} are apart: refused by {refused.rule}: {refused.reason}" in output


def test_a_node_and_the_way_between_two(glassrt: Glassrt, digits_plan: Path) -> None:
    origins = Ledger.from_json(Plan.load(digits_plan).ledger).origins
    first, last = origins[0].node, origins[-1].node
    answer = json.loads(glassrt("explain", digits_plan, first, "--json").stdout)
    assert answer["state"] == "runs"
    (home,) = answer["launches"]
    output = glassrt("explain", digits_plan, first).stdout
    assert f"launch {home['launch']}: {home['kernel']}, {home['family']}" in output
    assert "requested f32, chosen f32, executed f32, accumulates in f32" in output
    output = glassrt("explain", digits_plan, first, last).stdout
    assert "were never considered: they do not touch" in output
    assert f"the way: {first} > " in output


def test_names_that_are_not_there(glassrt: Glassrt, digits_plan: Path) -> None:
    node = Ledger.from_json(Plan.load(digits_plan).ledger).origins[0].node
    result = glassrt("explain", digits_plan, node + "x", code=1)
    assert f"is {node}" in result.stderr
    glassrt("explain", digits_plan, node, node, code=1)
    assert "is an input" in glassrt("explain", digits_plan, "image", code=1).stderr
    glassrt("explain", code=2)


def test_all_rules_are_listed(glassrt: Glassrt) -> None:
    output = glassrt("explain", "--rules").stdout
    assert all(name in output for name in RULES)
    assert {row["name"] for row in json.loads(glassrt("explain", "--rules", "--json").stdout)} == set(RULES)


def test_an_unknown_rule_is_an_error_with_close_names(glassrt: Glassrt, tmp_path: Path) -> None:
    for command in (["build", "-o", tmp_path / "x.plan"], ["explain"], ["inspect"], ["opt"]):
        name, *rest = command
        result = glassrt(name, DIGITS, *rest, "--disable-rule", "contraction-epilog", code=1)
        assert "there is no rule 'contraction-epilog'" in result.stderr
        assert "contraction-epilogue" in result.stderr


@pytest.mark.parametrize("command", ["build", "explain"])
def test_single_edges_are_switched_off(
    glassrt: Glassrt, digits_plan: Path, tmp_path: Path, command: str
) -> None:
    ledger = Ledger.from_json(Plan.load(digits_plan).ledger)
    record = next(r for r in ledger if r.rule == "contraction-epilogue" and r.verdict is Verdict.TAKEN
                  and r.consumers)  # fmt: skip
    a, b = record.producers[0], record.consumers[0]
    for switch in (["--nofuse", f"{a}:{b}"], ["--keep", a]):
        plan = DIGITS
        options = switch
        if command == "build":
            plan = tmp_path / "net.plan"
            glassrt("build", DIGITS, "-o", plan, "-t", "host", *switch)
            options = []
        else:
            options = [*switch, "-t", "host"]
        answer = json.loads(glassrt("explain", plan, a, b, *options, "--json").stdout)
        assert answer["verdict"] == "disabled", answer
        assert not set(answer["places"][0]) & set(answer["places"][1])


def test_switches_speak_of_nodes_that_exist(glassrt: Glassrt) -> None:
    assert "has no node 'nothing'" in glassrt("explain", DIGITS, "--keep", "nothing", code=1).stderr
    assert "has no node" in glassrt("explain", DIGITS, "--nofuse", "a:b", code=1).stderr
    glassrt("explain", DIGITS, "--nofuse", "a", code=2)
