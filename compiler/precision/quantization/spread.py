"""dequantize-where-read: every consumer of a quantized tensor gets its own dequantize.

  y = dequantize(q); f(y); g(y) => f(dequantize(q)); g(dequantize(q))

A single dequantize kernel would store floats, four times the bytes that the consumers could load instead.
Contractions alone share one, because they read their operands from memory.
"""

from __future__ import annotations

from ....dialects.control import all_blocks
from ....dialects.core.ir import Operation
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.quantization import Dequantize
from ...passes.manager import PassContext


class DequantizeWhereRead:
    """Gives every consumer of a dequantized tensor a dequantize of its own."""

    name = "dequantize-where-read"

    def run(self, module: Module, context: PassContext) -> Module:
        if self.name in context.disabled:
            return module
        for block in all_blocks(module):
            for op in list(block):
                if isinstance(op, Dequantize) and not context.exhausted:
                    _spread(op, context)
        return module


def _spread(op: Dequantize, context: PassContext) -> None:
    users = op.result.users
    readers = [user for user in users if not has(user, Trait.TERMINATOR) and not has(user, Trait.CONTRACTION)]
    apart = readers if len(readers) < len(users) else readers[1:]
    if not apart:
        return
    context.note(DequantizeWhereRead.name, "each reader dequantizes for itself", op.name, op.location.nodes)
    for reader in apart:
        _give(reader, op)


def _give(reader: Operation, op: Dequantize) -> None:
    """Let READER use a copy of OP, placed right before it."""
    assert reader.parent is not None
    copy = Dequantize(*op.operands, loc=op.location, **op.attributes)
    reader.parent.insert_before(reader, copy)
    copy.result.hint = op.result.hint
    for index, value in enumerate(reader.operands):
        if value is op.result:
            reader.set_operand(index, copy.result)
