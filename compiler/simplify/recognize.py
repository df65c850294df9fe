"""recognize: activations, normalisations and attention that a model spells out become ops of their own."""

from __future__ import annotations

from ...dialects.core.ir import Module
from ..passes.manager import PassContext
from ..patterns.rewrite import rewrite
from . import recognize_activations, recognize_attention, recognize_rows

RULES = (*recognize_activations.RULES, *recognize_rows.RULES, *recognize_attention.RULES)


class Recognize:
    """Applies all rules of RULES that are not switched off until none fits."""

    name = "recognize"

    def run(self, module: Module, context: PassContext) -> Module:
        rules = [rule for rule in RULES if rule.name not in context.disabled]
        rewrite(module, rules, context.note_rewrite)
        return module
