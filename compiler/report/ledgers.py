"""Every decision about a plan, and every rule that there is, as they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...runtime.plan import Plan
from ..driver.rules import RULES
from ..passes.ledger import Ledger
from .facts import Facts
from .presented import Block, Report, Table


@dataclass(frozen=True, repr=False)
class LedgerReport(Report):
    """The decisions about `plan`, one part, a line each."""

    plan: Plan

    def to_json(self) -> list[dict[str, Any]]:
        return self.plan.ledger

    def blocks(self) -> Iterable[Block]:
        return [record.text() for record in Ledger(Facts.of(self.plan).records)]


class RuleList(Report):
    """All rules, with what they do."""

    def to_json(self) -> list[dict[str, Any]]:
        return [vars(rule) for rule in RULES.values()]

    def blocks(self) -> Iterable[Block]:
        rows = [
            (r.name, r.level, r.applied_by, "" if r.switchable else "always", r.summary)
            for r in RULES.values()
        ]
        yield Table("", ("rule", "level", "pass", "", "what it does"), rows)
