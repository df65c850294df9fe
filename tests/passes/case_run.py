"""Runs a case as `glassrt opt` runs it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.semantics import SemanticsCheck
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.errors import GlassError

from .case_file import Case
from .case_options import input_file, job_of

# Levels whose rules, where a pass has several, say in the ledger what they refuse: there it takes a record of
# that to have been considered.
REFUSALS_ON_RECORD = ("fused", "launch")
STAY_APART = "kernel-boundary"  # the rule that says what is not joined: its record is a refusal


@dataclass
class Outcome:
    """What came of a case.

    before: the module that went in, as it is printed; text: the module that came out, or the diagnostic if it
    FAILED; records: the ledger's; changed: the passes that ran, and whether they changed the text; roots: the
    names of all ops that a pass found; numbers: how the interpreter's results differ; disabled: the rules
    that were switched off.
    """

    before: str = ""
    text: str = ""
    failed: bool = False
    records: list[Record] = field(default_factory=list)
    changed: dict[str, bool] = field(default_factory=dict)
    roots: dict[str, set[str]] = field(default_factory=dict)
    numbers: str | None = None
    disabled: frozenset[str] = frozenset()

    def took(self, name: str) -> bool:
        """Whether the pass or the rule NAME was applied."""
        if self._verdict(name, Verdict.REFUSED if name == STAY_APART else Verdict.TAKEN):
            return True
        rule = RULES.get(name)
        by = name if rule is None else rule.applied_by
        silent = rule is None or not any(record.rule == name for record in self.records)
        return silent and _alone(name, by) and self._acted(by)

    def considered(self, name: str) -> bool:
        """Whether the pass NAME ran; whether the rule NAME refused something, or met an op to start from."""
        rule = RULES.get(name)
        if rule is None:
            return name in self.changed
        if name in self.disabled:
            return False
        if self._verdict(name, Verdict.REFUSED) or self._verdict(name, Verdict.DISABLED):
            return True  # if disabled, by a switch that speaks of ops: the rule itself is not switched off
        if rule.level in REFUSALS_ON_RECORD and rule.switchable and not _alone(name, rule.applied_by):
            return False
        met = self.roots.get(rule.applied_by, set())
        return rule.applied_by in self.changed and (not rule.roots or not met.isdisjoint(rule.roots))

    def refused(self, rules: Collection[str], words: str) -> bool:
        """Whether WORDS stand in the reason why one of RULES was not applied somewhere."""
        against = (record for record in self.records if record.verdict is not Verdict.TAKEN)
        return any(record.rule in rules and words in record.reason for record in against)

    def _verdict(self, rule: str, verdict: Verdict) -> bool:
        return any(record.rule == rule and record.verdict is verdict for record in self.records)

    def _acted(self, step: str) -> bool:
        """Whether the pass STEP changed the text, or found fault with it."""
        return self.changed.get(step, False) or (self.failed and f"pass {step}: " in self.text)


def _alone(name: str, by: str) -> bool:
    """Whether what the pass BY does is done by NAME: itself, or its only rule."""
    return [rule.name for rule in RULES.values() if rule.applied_by == by] in ([], [name])


# ---------------------------------------------------------------- running


def run(case: Case, folder: Path) -> Outcome:
    """What comes of CASE, whose input is written to FOLDER."""
    path = input_file(case, folder)
    path.write_text(case.input, encoding="utf-8")
    outcome = Outcome()
    try:
        job = job_of(case)
        outcome.disabled = job.settings.disabled
        module = load_module(path)
        outcome.before = print_module(module)
        before = SemanticsCheck(load_module(path))
        done = job.run(module, watch=_Watch(outcome, module))
    except GlassError as error:
        outcome.text, outcome.failed = rendered(error, path), True
        return outcome
    outcome.text, outcome.records = print_module(done.module), list(done.ledger)
    outcome.numbers = before.against(done.module)
    return outcome


class _Watch:
    """Notes what passes found, and which of them changed the text."""

    def __init__(self, outcome: Outcome, module: Module) -> None:
        self._outcome = outcome
        self._text, self._names = print_module(module), _names(module)

    def __call__(self, step: str, module: Module) -> None:
        text = print_module(module)
        self._outcome.changed[step] = self._outcome.changed.get(step, False) or text != self._text
        self._outcome.roots.setdefault(step, set()).update(self._names)
        self._text, self._names = text, _names(module)


def _names(module: Module) -> set[str]:
    return {op.name for op in module.walk()}


def rendered(error: GlassError, path: Path) -> str:
    """A diagnostic about the input at PATH as it is compared: the same in every folder."""
    return f"error: {error}\n".replace(str(path), path.name)
