"""Which passes and rules have a case that they apply to, and one that they must leave alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from glassrt.compiler.driver.rules import Rule

from .case_file import Case, cases_of

HERE = Path(__file__).parent


def all_cases() -> list[Case]:
    """The cases of all files."""
    return [case for path in sorted(HERE.rglob("*.ir")) for case in cases_of(path)]


def missing(passes: Collection[str], rules: Mapping[str, Rule], cases: Iterable[Case]) -> Iterator[str]:
    """What is to be written so that every rule that one of PASSES applies, and every pass that has no rules,
    has both kinds of CASES; that they show what they say is for the cases themselves to prove."""
    known = list(cases)
    applies = {name for case in known for name in case.applies}
    unless = {name for case in known for name in case.unless}
    for name, by in _subjects(passes, rules):
        what = f"the rule '{name}' of the pass {by}" if name in rules else f"the pass '{name}'"
        if name not in applies:
            yield f"{what}: write a case that it applies to, with a line '// applies: {name}'"
        if name not in unless:
            yield f"{what}: write a case that it must leave alone, with a line '// unless: {name}'"


def _subjects(passes: Collection[str], rules: Mapping[str, Rule]) -> Iterator[tuple[str, str]]:
    """Every rule with the pass that applies it, and every pass that has none with itself."""
    for rule in rules.values():
        if rule.applied_by in passes:
            yield rule.name, rule.applied_by
    with_rules = {rule.applied_by for rule in rules.values()}
    yield from ((name, name) for name in passes if name not in with_rules)
