"""What is wrong with the outcome of a case."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from .case_file import Case
from .case_run import Outcome


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
