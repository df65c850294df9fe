"""What the command opt does: which passes, up to which level."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ...places import DIGITS
from .support import Glassrt


def test_passes_run_in_the_order_given(glassrt: Glassrt, tmp_path: Path) -> None:
    result = glassrt("opt", DIGITS, "--passes", "canonicalize, dce", "--print-ir-after-all")
    after = [line for line in result.stderr.splitlines() if line.startswith("// after")]
    assert after == ["// after canonicalize", "// after dce"]
    glassrt("opt", DIGITS, "--passes", "cse,dce", "--verify-each=semantics")


def test_an_unknown_pass_is_an_error_with_a_hint(glassrt: Glassrt, small: Path) -> None:
    result = glassrt("opt", small, "--passes", "canonicalise", code=1)
    assert "hint: is canonicalize meant?" in result.stderr


def test_a_level_above_cannot_be_reached(glassrt: Glassrt, small: Path) -> None:
    assert "fused lies above it" in glassrt("opt", small, "--level", "fused", code=1).stderr
    glassrt("opt", small, "--level", "launch", "--passes", "dce", code=2)


def ops(printed: str) -> list[str]:
    return re.findall(r"graph\.(\w+)", printed)


def test_rules_are_applied_alone_by_their_passes(glassrt: Glassrt, two_rules: Path) -> None:
    assert ops(glassrt("opt", two_rules, "--rules", "involution").stdout) == ["abs", "abs"]
    assert ops(glassrt("opt", two_rules, "--rules", "idempotent, involution").stdout) == ["abs"]
    assert ops(glassrt("opt", two_rules, "--rules", "cse").stdout) == ["neg", "neg", "abs", "abs"]


def test_rules_restrict_the_passes_that_are_named(glassrt: Glassrt, two_rules: Path) -> None:
    named = glassrt("opt", two_rules, "--passes", "cse,canonicalize", "--rules", "idempotent")
    assert ops(named.stdout) == ["neg", "neg", "abs"]
    fused = glassrt("opt", two_rules, "--level", "fused", "--rules", "involution").stdout
    assert fused.count("fused.kernel") == 2


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("involutions", "hint: is involution meant?"),
        ("standard-body", "error: no pass applies the rule 'standard-body'\n"),
    ],
)
def test_rules_that_cannot_be_applied_are_errors(
    glassrt: Glassrt, two_rules: Path, rules: str, problem: str
) -> None:
    assert problem in glassrt("opt", two_rules, "--rules", rules, code=1).stderr


def test_a_limit_ends_what_is_optional(glassrt: Glassrt, two_rules: Path) -> None:
    limited = glassrt("opt", two_rules, "--passes", "canonicalize", "--limit", "1").stdout
    assert ops(limited) == ["abs", "abs"]
