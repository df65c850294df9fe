"""Rules for adjacent conversions and for stored constants."""

from __future__ import annotations

import pytest
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.precision.quantization import pairs
from glassrt.compiler.precision.quantization.propagate import PropagateQuantization
from hypothesis import given
from hypothesis import strategies as st

from ....property.rule_checks import check_meaning, check_switch, name_of


@pytest.mark.parametrize("rule", pairs.PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    check_meaning(rule, data)


@pytest.mark.parametrize("rule", pairs.PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_can_be_switched_off(rule: Pattern, data: st.DataObject) -> None:
    check_switch(PropagateQuantization(), rule, data)
