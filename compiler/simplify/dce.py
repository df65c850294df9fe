"""dce: dead code elimination erases operations without uses or side effects."""

from __future__ import annotations

from ...dialects.core.ir import Block
from ...dialects.core.module import Module
from ..passes.manager import PassContext
from ..patterns.rewrite import is_dead


class DeadCodeElimination:
    """Erases dead operations, last to first, so that whole dead chains go in one sweep."""

    name = "dce"

    def run(self, module: Module, context: PassContext) -> Module:
        for function in module.functions:
            erase_dead(function.block)
        return module


def erase_dead(block: Block) -> int:
    """Erase the dead operations in BLOCK and in the regions of its ops; returns their number."""
    count = 0
    for op in reversed(list(block)):
        if is_dead(op):
            op.erase()
            count += 1
            continue
        count += sum(erase_dead(inner) for region in op.regions for inner in region.blocks)
    return count
