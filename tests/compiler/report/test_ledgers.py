"""All decisions and all rules, for people and for programs."""

from __future__ import annotations

from pathlib import Path

from glassrt import Plan
from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.report.ledgers import LedgerReport, RuleList


def test_every_decision_and_every_rule_has_a_line(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    data = LedgerReport(plan).to_json()
    assert len(str(LedgerReport(plan)).splitlines()) == sum("rule" in entry for entry in data) > 20
    shown = str(RuleList())
    assert all(name in shown for name in RULES) and len(RuleList().to_json()) == len(RULES)
