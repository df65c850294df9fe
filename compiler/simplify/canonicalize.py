"""canonicalize: rewrites graph-level ops to canonical forms."""

from __future__ import annotations

from ...dialects.core.module import Module
from ..passes.manager import PassContext
from ..patterns.rewrite import rewrite
from . import arrangements as simplify_arrangements
from . import attention_groups as simplify_attention_groups
from . import control_flow as simplify_control_flow
from . import counted_loops as simplify_counted_loops
from . import elementwise as simplify_elementwise
from . import movement as simplify_movement
from . import product_rows as simplify_product_rows
from . import recurrence as simplify_recurrence
from . import slicing as simplify_slicing

PATTERNS = (
    *simplify_elementwise.PATTERNS,
    *simplify_movement.PATTERNS,
    *simplify_slicing.PATTERNS,
    *simplify_arrangements.PATTERNS,
    *simplify_product_rows.PATTERNS,
    *simplify_attention_groups.PATTERNS,
    *simplify_recurrence.PATTERNS,
    *simplify_counted_loops.PATTERNS,
    *simplify_control_flow.PATTERNS,
)


class Canonicalize:
    """Applies those of PATTERNS that are not switched off until none matches. Idempotent."""

    name = "canonicalize"

    def run(self, module: Module, context: PassContext) -> Module:
        rules = [rule for rule in PATTERNS if rule.name not in context.disabled]
        rewrite(module, rules, context.note_rewrite)
        return module
