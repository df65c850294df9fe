"""unpack-once: packed weights that no product multiplies as they are become floats when the plan is built.

    unpack_weights(constant) => constant

A launch that unpacks them for each run reads and writes all of them beside the product that reads them, and
longer than the product takes where rows are few. What it saves is memory: floats are two to eight times the
bytes. Switched off, weights stay packed, and each run unpacks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...dialects.control import all_blocks
from ...dialects.core.module import Module
from ...dialects.graph.base import nofuse_of
from ...dialects.graph.constants import constant
from ...dialects.graph.packed import UnpackWeights
from ..passes.ledger import Verdict
from ..passes.manager import PassContext
from ..patterns.matching import Array, constant_array

RULE = "unpack-once"


@dataclass(frozen=True)
class UnpackOnce:
    """Unpacks the constant packed weights that are left."""

    name: ClassVar[str] = RULE

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            for op in [each for each in block if isinstance(each, UnpackWeights)]:
                words = constant_array(op.w, module)
                if words is None or context.exhausted or nofuse_of(op) is not None:
                    continue
                if RULE in context.disabled:
                    reason = "switched off: a launch ahead of the product unpacks its weights in each run"
                    nodes = op.location.nodes
                    context.ledger.add(RULE, Verdict.DISABLED, reason, ops=(op.name,), nodes=nodes)
                else:
                    _unpack(op, words, module, context)
        return module


def _unpack(op: UnpackWeights, words: Array, module: Module, context: PassContext) -> None:
    made = constant(module, op.unpacked(words), op.location)
    assert op.parent is not None
    op.parent.insert_before(op, made)
    made.result.hint, made.result.tensor = op.y.hint, op.y.tensor
    bits, packed = op.format.bits, words.nbytes / 2**20
    reason = f"{packed:.1f} MiB of {bits} bits become {op.to}: no product multiplies them as they are"
    op.replace_by(made.result)
    context.note(RULE, reason, UnpackWeights.name, op.location.nodes)
    op.erase()
