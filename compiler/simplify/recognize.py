"""recognize: raises spelled-out activations, normalisations, attention and cache writes to single ops."""

from __future__ import annotations

from ...dialects.core.module import Module
from ..passes.manager import PassContext
from ..patterns.rewrite import rewrite
from . import (
    attention_causal,
    attention_masks,
    recognize_activations,
    recognize_attention,
    recognize_bags,
    recognize_caches,
    recognize_rows,
)

PATTERNS = (
    *recognize_activations.PATTERNS,
    *recognize_rows.PATTERNS,
    *recognize_attention.PATTERNS,
    *attention_masks.PATTERNS,
    *attention_causal.PATTERNS,
    *recognize_caches.PATTERNS,
    *recognize_bags.PATTERNS,
)


class Recognize:
    """Applies those of PATTERNS that are not switched off until none matches."""

    name = "recognize"

    def run(self, module: Module, context: PassContext) -> Module:
        rules = [rule for rule in PATTERNS if rule.name not in context.disabled]
        rewrite(module, rules, context.note_rewrite)
        return module
