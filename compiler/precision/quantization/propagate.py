"""propagate-quantization: ops that commute with it run on quantized numbers, and pairs cancel."""

from __future__ import annotations

from ....dialects.core.module import Module
from ...passes.manager import PassContext
from ...patterns.rewrite import rewrite
from . import movement, pairs

PATTERNS = (*pairs.PATTERNS, *movement.PATTERNS)


class PropagateQuantization:
    """Applies all rules of PATTERNS that are not switched off until none fits. Idempotent."""

    name = "propagate-quantization"

    def run(self, module: Module, context: PassContext) -> Module:
        rules = [rule for rule in PATTERNS if rule.name not in context.disabled]
        rewrite(module, rules, context.note_rewrite)
        return module
