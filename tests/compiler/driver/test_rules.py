"""The table of rules: each has its summary, its level, and nets that it applies to."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.driver.rules import RULES, check_rules
from glassrt.compiler.passes.levels import LEVELS
from glassrt.compiler.precision.quantization import propagate
from glassrt.compiler.simplify import canonicalize, fold_batch_norm
from glassrt.errors import InputError

from ...property.control_rule_cases import CASES

PATTERNS = {
    rule.name: rule for rule in (*canonicalize.PATTERNS, *fold_batch_norm.PATTERNS, *propagate.PATTERNS)
}


def test_every_rule_has_a_case_and_shows_what_it_does() -> None:
    assert set(CASES) == set(PATTERNS)
    for rule in PATTERNS.values():
        assert "=>" in rule.before_after, rule.name


def test_patterns_are_in_the_table_with_their_roots_and_their_pass() -> None:
    for name, rule in PATTERNS.items():
        assert RULES[name].roots == tuple(kind.name for kind in rule.roots) and RULES[name].switchable
        assert RULES[name].level == "graph" and RULES[name].summary == rule.before_after


def test_a_pass_of_a_rule_is_one_of_its_level() -> None:
    steps = {level: {step.name for step in passes_to(level, REFERENCE)} for level in LEVELS}
    for rule in RULES.values():
        assert rule.level in LEVELS
        assert not rule.applied_by or rule.applied_by in steps[rule.level], rule


def test_rules_of_switches_exist() -> None:
    check_rules(["contraction-epilogue", "elide-concat"])
    with pytest.raises(InputError, match="is contraction-epilogue or contraction-prologue or"):
        check_rules(["contraction-epilog"])
    with pytest.raises(InputError, match="cannot be switched off"):
        check_rules(["storage-conversion"])
