"""`glassrt check --bisect`: the decision that broke a model is named, and no other."""

from __future__ import annotations

import pytest
from glassrt.compiler.patterns.rewrite import Rewriter, pattern
from glassrt.compiler.simplify import canonicalize
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.unary import Abs

from ...places import DIGITS
from ..cli.check_reports import report
from ..cli.support import Glassrt


@pattern("planted", Relu)
def planted(op: Relu, rewriter: Rewriter) -> bool:
    """relu(x) => abs(x)"""
    rewriter.replace(op, rewriter.insert(Abs(op.x)).result)
    return True


def test_nothing_is_bisected_where_nothing_is_broken(glassrt: Glassrt) -> None:
    result = glassrt("check", DIGITS, "--bisect", "--interpret", "--size", "N=1")
    assert "no decision breaks the model" in result.stdout


def test_a_wrong_rule_is_named(glassrt: Glassrt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonicalize, "PATTERNS", (*canonicalize.PATTERNS, planted))
    arguments = (DIGITS, "--size", "N=1", "--bisect", "--interpret")
    found = report(glassrt, *arguments, code=1)
    assert not found["ok"] and found["decisions"][0]["rule"] == "planted"
    assert found["error_before"] < 1e-5 < found["error_after"]
    result = glassrt("check", *arguments, code=1)
    assert "breaks the model" in result.stdout and "relu(x) => abs(x)" in result.stdout
    plain = report(glassrt, DIGITS, "-d", "host", "--size", "N=1", code=1)
    assert not plain["rewrites"][0]["ok"] and all(launch["ok"] for launch in plain["launches"])


def test_a_model_that_no_rule_breaks(glassrt: Glassrt) -> None:
    arguments = (DIGITS, "--size", "N=1", "--bisect", "--interpret", "--tolerance", "0")
    assert "broken before any decision" in glassrt("check", *arguments, code=1).stdout
