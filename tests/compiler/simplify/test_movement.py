"""Rules of movement: elements stay where they belong, bit for bit."""

from __future__ import annotations

import pytest
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.simplify import movement
from glassrt.compiler.simplify.canonicalize import Canonicalize
from hypothesis import given
from hypothesis import strategies as st

from ...property.rule_checks import check_meaning, check_switch, name_of


@pytest.mark.parametrize("rule", movement.PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    check_meaning(rule, data)


@pytest.mark.parametrize("rule", movement.PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_can_be_switched_off(rule: Pattern, data: st.DataObject) -> None:
    check_switch(Canonicalize(), rule, data)
