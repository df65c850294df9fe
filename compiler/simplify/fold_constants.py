"""fold-constants: constant folding evaluates operations on constants at compile time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...dialects.control import all_blocks
from ...dialects.core.interpreter import Evaluation
from ...dialects.core.ir import Operation
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import symbols_in
from ...dialects.graph.base import GraphOp
from ...dialects.graph.constants import Constant, Dims, constant
from ..passes.ledger import Verdict
from ..passes.manager import PassContext
from ..patterns.matching import static_shape

# Folding is for small arithmetic on weights; heavier work is left to the device. So is the rest after many
# ops that read large constants: each may be cheap, but a small file may hold thousands of them.
FOLDED_FLOPS = 1 << 30
FOLDED_READS = 8 * 2**30  # bytes, in one sweep


class FoldConstants:
    """Folds in one sweep in program order, so that whole chains are folded.

    A result may have up to `fold_bytes` bytes, or the size of its operands if that is larger. So folding
    cannot blow up a small model (Expand, Tile, Range).
    """

    name = "fold-constants"

    def run(self, module: Module, context: PassContext) -> Module:
        if self.name in context.disabled:
            return module
        readable = FOLDED_READS
        for block in all_blocks(module):
            for op in list(block):
                if _is_foldable(op):
                    readable -= self._fold(op, module, context, readable)
        return module

    def _fold(self, op: Operation, module: Module, context: PassContext, readable: int) -> int:
        """Fold OP if it reads no more than READABLE bytes; returns how many it read."""
        if self.name in context.disabled:  # becomes true when the limit on decisions is reached
            return 0
        refusal, reads = _refusal(op, context.options.fold_bytes), _given(op)
        if refusal is None and reads > readable:
            read = FOLDED_READS - readable
            refusal = f"folding has read {read} bytes of constants, and its limit is {FOLDED_READS}"
        if refusal is not None:
            context.ledger.add(self.name, Verdict.REFUSED, refusal, ops=(op.name,), nodes=op.location.nodes)
            return 0
        for value, array in zip(op.results, _evaluated(op, module), strict=True):
            folded = constant(module, array.astype(value.type.dtype.numpy, copy=False), op.location)
            assert op.parent is not None
            op.parent.insert_before(op, folded)
            folded.result.hint = value.hint
            value.replace_by(folded.result)
        context.note(self.name, "all its operands are constants", op.name, op.location.nodes)
        op.erase()
        return reads


def _is_foldable(op: Operation) -> bool:
    if not isinstance(op, GraphOp) or has(op, Trait.CONSTANT) or has(op, Trait.ENCODING):
        return False
    if op.nofuse is not None:
        return False
    if not op.inputs:
        return isinstance(op, Dims) and all(isinstance(value, int) for value in op.values)
    return all(isinstance(value.producer, Constant) for value in op.inputs)


def _refusal(op: Operation, budget: int) -> str | None:
    """Why OP is not folded, with BUDGET bytes for its results; None when it may be."""
    if any(symbols_in(value) for value in op.attributes.values()):
        return "it computes with sizes that vary"
    size = 0
    for value in op.results:
        shape = static_shape(value.type.shape)
        if shape is None:
            return "its size is symbolic"
        size += math.prod(shape) * value.type.dtype.bytes
    if size > max(budget, _given(op)):
        return f"its result of {size} bytes is larger than the budget of {budget}"
    flops = op.flops()
    if not isinstance(flops, int) or flops > FOLDED_FLOPS:
        return "it takes too many flops to evaluate at compile time"
    return None


def _given(op: Operation) -> int:
    """The bytes of OP's operands, as far as their sizes are known."""
    return sum(math.prod(static_shape(v.type.shape) or (0,)) * v.type.dtype.bytes for v in op.inputs)


def _evaluated(op: Operation, module: Module) -> tuple[np.ndarray[Any, Any], ...]:
    arrays = [v.producer.array(module) if v is not None and isinstance(v.producer, Constant) else None
              for v in op.operands]  # fmt: skip
    with np.errstate(all="ignore"):
        outcome = op.evaluate(Evaluation(module, {}), *arrays)
    return tuple(np.asarray(a) for a in (outcome if isinstance(outcome, tuple) else (outcome,)))
