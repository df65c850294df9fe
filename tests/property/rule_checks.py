"""What every rewrite rule promises: it keeps the meaning, special numbers too, and can be switched off."""

from __future__ import annotations

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import Pass, PassContext
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.simplify import fold_batch_norm
from glassrt.testing.asserts import assert_rewrite_keeps_meaning_of
from hypothesis import strategies as st

from .control_rule_cases import nets_for

# Rules that change how sums or weights are rounded; all others are exact.
ROUNDING = {"pad-into-conv", "transpose-into-matmul", "square"}
ROUNDING |= {"product-rows", "attention-groups", "attention-batches"}
ROUNDING |= {rule.name for rule in fold_batch_norm.PATTERNS}


def name_of(rule: Pattern) -> str:
    return rule.name


def check_meaning(rule: Pattern, data: st.DataObject) -> None:
    """RULE applies to a net that is drawn for it, and the net means the same afterwards."""
    module = data.draw(nets_for(rule.name))
    seed = data.draw(st.integers(0, 100))
    assert assert_rewrite_keeps_meaning_of(rule, module, seed, rounds=rule.name in ROUNDING) > 0


def check_switch(step: Pass, rule: Pattern, data: st.DataObject) -> None:
    """STEP does not apply RULE to a net that is drawn for it while RULE is switched off."""
    context = PassContext(ALL_DIALECTS, disabled=frozenset({rule.name}))
    step.run(data.draw(nets_for(rule.name)), context)
    assert rule.name not in {record.rule for record in context.ledger}
