"""Runs a case as `glassrt opt` runs it, and says what is wrong with the outcome."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache, wraps
from inspect import signature
from pathlib import Path
from typing import Any

import typer
from glassrt.compiler.cli.opt import opt
from glassrt.compiler.cli.opt_job import Job
from glassrt.compiler.ledger import Record, Verdict
from glassrt.compiler.rules import RULES
from glassrt.compiler.semantics import SemanticsCheck
from glassrt.compiler.source import load_module
from glassrt.dialects.core.ir import Module
from glassrt.dialects.core.printer import print_module
from glassrt.errors import GlassError

from .case_file import RUN, Case

TARGET = "sm_90a"  # of run lines that name none: what passes decide must not depend on this machine's GPU

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
        job = _job(case)
        outcome.disabled = job.settings.disabled
        module = load_module(path)
        outcome.before = print_module(module)
        before = SemanticsCheck(load_module(path))
        done = job.run(module, _quiet, watch=_Watch(outcome, module))
    except GlassError as error:
        outcome.text, outcome.failed = rendered(error), True
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


def rendered(error: GlassError) -> str:
    """A diagnostic as it is compared: the only place that says how."""
    return f"error: {error}\n"


def _quiet(_text: str) -> None:
    """Notes of passes are for those who watch them."""


# ---------------------------------------------------------------- options


def _job(case: Case) -> Job:
    """The job that the case's options mean to `glassrt opt`."""
    given = _parsed(("input.ir", *arguments(case)))
    return Job.parse(**{name: given[name] for name in signature(Job.parse).parameters})


def arguments(case: Case) -> tuple[str, ...]:
    """The options of CASE, word by word; files beside its own by their paths, and a target in any case."""
    words = shlex.split(case.options)
    beside = ((case.path.parent / word, word) for word in words)
    words = [str(path) if path.is_file() else word for path, word in beside]
    return (*words,) if {"-t", "--target"} & set(words) else (*words, "-t", TARGET)


def command(case: Case, folder: Path) -> str:
    """What to type to see what comes of CASE, whose input `run` has written to FOLDER."""
    return f"{RUN} {shlex.quote(str(input_file(case, folder)))} {shlex.join(arguments(case))}"


def input_file(case: Case, folder: Path) -> Path:
    """Where the input of CASE is written to."""
    home = folder / case.path.stem / case.slug
    home.mkdir(parents=True, exist_ok=True)
    return home / "input.ir"


@cache
def _command_line() -> tuple[typer.main.TyperCommand, dict[str, Any]]:
    """The command line of `glassrt opt` that only keeps what it was given, and where it keeps it."""
    given: dict[str, Any] = {}

    @wraps(opt)
    def keep(**options: Any) -> None:
        given.update(options)

    app = typer.Typer(add_completion=False)
    app.command()(keep)
    return typer.main.get_command(app), given


def _parsed(words: tuple[str, ...]) -> dict[str, Any]:
    """What WORDS mean to `glassrt opt`, by parameter; click.UsageError where they mean nothing."""
    line, given = _command_line()
    line.main(list(words), standalone_mode=False)
    return given


# ---------------------------------------------------------------- what is wrong


def problems(case: Case, outcome: Outcome) -> Iterator[str]:
    """Everything in which OUTCOME is not what CASE says."""
    wanted = outcome.before if case.unchanged else case.expected
    if wanted is None:
        yield "nothing is expected yet: `pytest --update-golden` writes what comes of it, for you to review"
    elif wanted != outcome.text:
        yield _difference(wanted, outcome.text)
    yield from _unkept(case, outcome)


def _unkept(case: Case, outcome: Outcome) -> Iterator[str]:
    """What CASE says about rules, passes and numbers that is not so."""
    for name in case.applies:
        if not outcome.took(name):
            yield f"{name} was not applied; {_ledger(outcome)}"
    for name in case.unless:
        if outcome.took(name):
            yield f"{name} was applied, and must not be; {_ledger(outcome)}"
        elif not outcome.considered(name):
            yield f"{name} had no occasion: it met nothing to refuse; {_ledger(outcome)}"
    named = (*case.applies, *case.unless)
    if case.because and not outcome.refused(named, case.because):
        yield f"no refusal of {', '.join(named)} says '{case.because}'; {_ledger(outcome)}"
    if case.changes_numbers and not outcome.numbers:
        yield "its numbers stay as they are: leave out 'changes-numbers:'"
    elif outcome.numbers and not case.changes_numbers:
        yield f"the interpreter finds other numbers: {outcome.numbers}"


def _ledger(outcome: Outcome) -> str:
    lines = "".join(f"\n    {record.text()}" for record in outcome.records)
    return f"the ledger says:{lines}" if lines else "the ledger is empty"


def _difference(wanted: str, have: str) -> str:
    lines = difflib.unified_diff(wanted.splitlines(), have.splitlines(), "expected", "what came", lineterm="")
    return "\n".join(lines)
