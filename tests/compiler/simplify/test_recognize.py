"""recognize: its rules show what they do, and can be switched off."""

from __future__ import annotations

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.simplify.recognize import PATTERNS, Recognize

from ..spellings import gelu_erf
from .recognizing import BEFORE, counts, made, run


def test_every_rule_shows_what_it_does_and_can_be_switched_off() -> None:
    names = [rule.name for rule in PATTERNS]
    assert len(set(names)) == len(names)
    for rule in PATTERNS:
        assert "=>" in rule.before_after
    module = made(gelu_erf("div", "half first"))
    run(module, *BEFORE)
    context = PassContext(ALL_DIALECTS, disabled=frozenset({"gelu-erf"}))
    Recognize().run(module, context)
    assert counts(module)["gelu"] == 0
