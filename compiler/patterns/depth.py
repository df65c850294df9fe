"""How deep ops lie behind contractions: which of two contractions that meet in a sum runs last."""

from __future__ import annotations

from ...dialects.core.ir import Block, Operation
from ...dialects.core.traits import Trait, has

Place = tuple[int, int]


def places(block: Block) -> dict[Operation, Place]:
    """The place of each op of BLOCK, to be compared: the contractions on the longest way to it, itself
    included, then program order.

    Of two contractions whose results are added, the one of the greater place absorbs the sum. The other, such
    as the shortcut of a residual block, waits for its own input alone and may run beside what is between.
    """
    found: dict[Operation, Place] = {}
    for number, op in enumerate(block):
        before = max((found[value.producer][0] for value in op.inputs if value.producer in found), default=0)
        found[op] = before + has(op, Trait.CONTRACTION), number
    return found
