"""What a bisection found, as it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..report.presented import Block, Report, Table
from ..report.words import number, short
from .bisect import Bisection, Trial


@dataclass(frozen=True, repr=False)
class BisectReport(Report):
    """The decision at fault, if one is; `witness` gave the right outputs, `tolerance` is the relative L2
    error that is allowed."""

    found: Bisection
    witness: str
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether no decision breaks the model."""
        return self.found.culprit is None

    def to_json(self) -> dict[str, Any]:
        found = self.found
        return {
            "ok": self.ok,
            "witness": self.witness,
            "tolerance": self.tolerance,
            "trials": found.trials,
            "culprit": found.culprit,
            "decisions": [record.to_json() for record in found.records],
            "error_before": number(found.before.error),
            "problem_before": found.before.problem or found.before.misshapen,
            "error_after": number(found.after.error),
            "problem_after": found.after.problem or found.after.misshapen,
        }

    def blocks(self) -> Iterable[Block]:
        found = self.found
        bound = f"{short(self.tolerance)} allowed, against {self.witness}"
        if found.culprit is None:
            yield f"no decision breaks the model: error {short(found.after.error)}, {bound}"
            return
        if found.culprit == 0:
            yield f"broken before any decision: {_outcome(found.after)}, {bound}"
            return
        yield f"decision {found.culprit} breaks the model ({found.trials} builds tried, {bound})"
        yield f"without it: {_outcome(found.before)}"
        yield f"with it:    {_outcome(found.after)}"
        rows = [(r.rule, ", ".join(r.ops), ", ".join(r.nodes), r.reason) for r in found.records]
        if rows:
            yield Table("what it did", ("rule", "ops", "nodes", "reason"), rows)


def _outcome(trial: Trial) -> str:
    if trial.problem:
        return f"the build fails: {trial.problem}"
    return trial.misshapen or f"error {short(trial.error)}"
