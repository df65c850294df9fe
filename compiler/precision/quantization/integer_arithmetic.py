"""integer-arithmetic: contractions of quantized tensors multiply the stored numbers."""

from __future__ import annotations

from dataclasses import replace

from ....dialects.core.interpreter import Evaluation
from ....dialects.core.module import Module
from ....dialects.graph.constants import constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.quantization import Dequantize
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from ...patterns.matching import constant_array
from ...patterns.rewrite import Pattern, Rewriter, pattern, rewrite
from ...settings.policy import PrecisionPolicy
from .contractions import NO_BYTES, Stored, integer_contraction, integer_window_sums, stored_operands
from .epilogues import integer_bias, integer_requantize
from .pack_weights import in_blocks, pack_weights, unpackable
from .whole_numbers import whole_contraction

MULTIPLY = (integer_contraction, integer_window_sums)
PATTERNS = (*MULTIPLY, integer_bias, integer_requantize)


@pattern("dequantize-constant", Dequantize)
def dequantize_constant(op: Dequantize, rewriter: Rewriter) -> bool:
    """dequantize(c) => a constant of floats, where no contraction multiplies c as stored"""
    arrays = [None if v is None else constant_array(v, rewriter.module) for v in op.operands]
    if any(a is None and v is not None for a, v in zip(arrays, op.operands, strict=True)):
        return False
    numbers = op.evaluate(Evaluation(rewriter.module, {}), *arrays)
    rewriter.replace(op, rewriter.insert(constant(rewriter.module, numbers)).result)
    return True


# In this order: the first multiplies weights as stored, the second keeps them packed, the third turns the
# remaining ones into floats.
LEFT_OVER = (whole_contraction, pack_weights, dequantize_constant)


def _within(policy: PrecisionPolicy, rule: Pattern) -> Pattern:
    """RULE, except for contractions that an override of POLICY keeps in floats."""
    if rule not in MULTIPLY or not policy.overrides:
        return rule
    return replace(rule, apply=lambda op, to: policy.kept_in_floats(op) is None and rule.apply(op, to))


class IntegerArithmetic:
    """Applies PATTERNS, and records contractions with quantized operands that stay in floats."""

    name = "integer-arithmetic"

    def run(self, module: Module, context: PassContext) -> Module:
        rules = [rule for rule in PATTERNS if rule.name not in context.disabled]
        rewrite(module, [_within(context.policy, rule) for rule in rules], context.note_rewrite)
        if integer_contraction.name not in context.disabled:
            self._record(module, context)
        if pack_weights.name not in context.disabled:
            self._record_blocks(module, context)
        for rule in LEFT_OVER:
            if rule.name not in context.disabled:
                rewrite(module, [rule], context.note_rewrite)
        return module

    def _record(self, module: Module, context: PassContext) -> None:
        """Record why contractions with quantized operands were left alone."""
        for op in module.walk():
            reason = _refusal(op, module, context.policy) if isinstance(op, (Conv, Matmul)) else None
            if reason is not None:
                context.eight_bits.leave(op.location.nodes, reason)
                context.ledger.add(
                    integer_contraction.name,
                    Verdict.REFUSED,
                    reason,
                    ops=(op.name,),
                    nodes=op.location.nodes,
                )

    def _record_blocks(self, module: Module, context: PassContext) -> None:
        """Record why weights in blocks are expanded when the plan is built."""
        for op in module.walk():
            if not isinstance(op, Matmul) or (q := in_blocks(op, module)) is None:
                continue
            reason = unpackable(op, q)
            if reason is not None:
                nodes = op.location.nodes
                context.ledger.add(pack_weights.name, Verdict.REFUSED, reason, ops=(op.name,), nodes=nodes)


def _refusal(op: Conv | Matmul, module: Module, policy: PrecisionPolicy) -> str | None:
    """The reason why OP does not multiply stored numbers; None where it does or no operand is quantized."""
    found = stored_operands(op, module)
    if not isinstance(found, Stored):
        return found
    return policy.kept_in_floats(op) or (NO_BYTES if found.rest is not None else None)
