"""Every pass and every rule has a case that it applies to, and one that it must leave alone."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import all_passes
from glassrt.compiler.driver.rules import RULES, Rule

from .case_file import Case
from .coverage import all_cases, missing

PASSES = [step.name for step in all_passes(REFERENCE)]
# Decided where ONNX is imported, on reading, or by the search for formats: no pass, so it needs no case.
BEYOND_PASSES = {
    "constrain-sizes",
    "derive-size",
    "determine-size",
    "folded-branch",
    "merged-branches",
    "precision-mixture",
    "precision-search",
    "register-spill",
    "share-kernels",
    "standard-body",
    "tactics",
    "unrolled-loop",
}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return all_cases()


def test_every_pass_and_every_rule_has_both_kinds_of_cases(cases: list[Case]) -> None:
    lacking = list(missing(PASSES, RULES, cases))
    assert not lacking, "\n".join(["tests/passes/README.md says how to write them:", *lacking])


def test_cases_name_what_there_is(cases: list[Case]) -> None:
    known = {*RULES, *PASSES}
    unknown = {f"{case.path.name}: {name}" for case in cases for name in (*case.applies, *case.unless)}
    assert {text for text in unknown if text.split(": ")[1] not in known} == set()


def test_every_rule_says_which_pass_applies_it() -> None:
    assert {rule.name for rule in RULES.values() if rule.applied_by not in PASSES} == BEYOND_PASSES


def test_what_lacks_is_named_with_what_to_write(cases: list[Case]) -> None:
    rules = {"add-twice": Rule("add-twice", "graph", "add(x, x) => mul(x, 2)", applied_by="canonicalize")}
    assert list(missing(["canonicalize", "polish"], rules, cases)) == [
        "the rule 'add-twice' of the pass canonicalize: write a case that it applies to, with a line "
        "'// applies: add-twice'",
        "the rule 'add-twice' of the pass canonicalize: write a case that it must leave alone, with a line "
        "'// unless: add-twice'",
        "the pass 'polish': write a case that it applies to, with a line '// applies: polish'",
        "the pass 'polish': write a case that it must leave alone, with a line '// unless: polish'",
    ]
