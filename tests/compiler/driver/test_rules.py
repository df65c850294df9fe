"""Every rewrite rule applies where it should and keeps the meaning there, special numbers included."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import Pass, PassContext
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.precision.quantization import propagate
from glassrt.compiler.precision.quantization.propagate import PropagateQuantization
from glassrt.compiler.simplify import canonicalize, fold_batch_norm
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.testing.asserts import assert_rewrite_keeps_meaning_of
from hypothesis import given
from hypothesis import strategies as st

from ...property.control_rule_cases import CASES, nets_for

PATTERNS = {
    rule.name: rule for rule in (*canonicalize.PATTERNS, *fold_batch_norm.PATTERNS, *propagate.PATTERNS)
}
# Rules that change how sums or weights are rounded; all others are exact.
ROUNDING = {"pad-into-conv", "transpose-into-matmul", "square"}
ROUNDING |= {rule.name for rule in fold_batch_norm.PATTERNS}


def test_every_rule_has_a_case_and_shows_what_it_does() -> None:
    assert set(CASES) == set(PATTERNS)
    for rule in PATTERNS.values():
        assert "=>" in rule.before_after, rule.name


@pytest.mark.parametrize("rule", PATTERNS.values(), ids=lambda rule: str(rule.name))
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    module = data.draw(nets_for(rule.name))
    seed = data.draw(st.integers(0, 100))
    assert assert_rewrite_keeps_meaning_of(rule, module, seed, rounds=rule.name in ROUNDING) > 0


SWEEPS = [(Canonicalize(), rule.name) for rule in canonicalize.PATTERNS]
SWEEPS += [(PropagateQuantization(), rule.name) for rule in propagate.PATTERNS]


@pytest.mark.parametrize(("step", "rule"), SWEEPS, ids=lambda value: getattr(value, "name", value))
@given(data=st.data())
def test_a_rule_can_be_switched_off(step: Pass, rule: str, data: st.DataObject) -> None:
    module = data.draw(nets_for(rule))
    context = PassContext(ALL_DIALECTS, disabled=frozenset({rule}))
    step.run(module, context)
    assert rule not in {record.rule for record in context.ledger}
